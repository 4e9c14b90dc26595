from typing import Any

from django import template

from experiments_app.system.machine_checks import GROUPS

register = template.Library()


@register.inclusion_tag("experiments_app/_machine_checks.html")
def machine_checks() -> dict[str, Any]:
    """The checks of this machine, asked for when the page is there."""
    return {"groups": [(group, None) for group in GROUPS.values()]}
