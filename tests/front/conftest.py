"""Tests with a real nginx: they are collected where one is installed (Debian: nginx, libnginx-mod-rtmp)."""

import shutil
from pathlib import Path

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")

collect_ignore = []
if shutil.which("nginx") is None:
    collect_ignore.append("test_nginx_rights.py")
if shutil.which("nginx") is None or not RTMP_MODULE.exists():
    collect_ignore.append("test_nginx_rtmp.py")
