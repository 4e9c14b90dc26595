#!/usr/bin/env python
"""Django's command line, with this site's commands: `manage.py help` lists them."""

import gc
import os
import sys


def main() -> None:
    # What is imported stays: to look for garbage in it takes a sixth of the start. The last of the
    # apps turns it on again.
    gc.disable()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "autotuner_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
