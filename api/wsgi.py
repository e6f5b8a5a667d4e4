"""gunicorn's entry: `gunicorn --config api/gunicorn_conf.py api.wsgi:app`."""

import bootstrap
from api.app import create_app
from logs import gather_lines

app = create_app(bootstrap.start("api"))
gather_lines()
