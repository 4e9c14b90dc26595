import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "autotuner_site.settings")

gc.disable()  # as in manage.py
application = get_wsgi_application()
