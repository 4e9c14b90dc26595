"""Says on every page when tasks wait for a consumer that does not live."""

from django import template

from experiments_app.consumer import num_waiting_in_vain

register = template.Library()


@register.inclusion_tag("experiments_app/_consumer_down.html")
def consumer_notice() -> dict[str, int]:
    return {"waiting": num_waiting_in_vain()}
