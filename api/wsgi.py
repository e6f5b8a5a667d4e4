"""gunicorn's entry: `gunicorn --config api/gunicorn_conf.py api.wsgi:app`."""

import bootstrap
from api.app import create_app

app = create_app(bootstrap.start("api"))
