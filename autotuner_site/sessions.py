"""The sessions of one account, on whatever devices they are."""

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone


def end_sessions(user: User) -> int:
    """End all of them, and say how many that were.

    A session tells only once it is decoded whose it is; a team has some hundred of them.
    """
    pk = str(user.pk)
    living = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    own = [one.pk for one in living if str(one.get_decoded().get(SESSION_KEY)) == pk]
    return Session.objects.filter(pk__in=own).delete()[0]
