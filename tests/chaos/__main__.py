import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.chaos.by_hand import main  # noqa: E402  (models need Django set up)

sys.exit(main())
