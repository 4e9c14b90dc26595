"""What one hears of a single task, and how one changes that."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from experiments_app.notifications.models import Channel, Delivery, TaskFollow
from experiments_app.notifications.outbox import channels_for
from tasks_app.audit import record
from tasks_app.models import Task

WISHES = {
    "follow": "task.followed",
    "mute": "task.muted",
    "": "task.unfollowed",
}


@dataclass(frozen=True)
class Bell:
    """`wish`: what was said of this task, empty where nothing. `told`: how many channels tell of
    its end; `channels`: how many there are that could."""

    wish: str
    told: int
    channels: int

    @classmethod
    def of(cls, user: User, task: Task) -> "Bell":
        wish = TaskFollow.objects.filter(user=user, task=task).values_list("wish", flat=True)
        own = channels_for(task, Delivery.Event.ENDED).filter(user=user)
        return cls(
            wish=wish.first() or "",
            told=own.count(),
            channels=Channel.objects.in_use().filter(user=user).count(),
        )

    @property
    def words(self) -> str:
        if not self.channels:
            return "You have no channel yet: nobody tells you when it ends."
        if self.wish == TaskFollow.Wish.MUTE:
            return "Muted: nothing tells you of this task."
        if not self.told:
            return "Your channels do not tell of this task."
        many = f"{self.told} channels tell" if self.told > 1 else "One channel tells"
        return f"{many} you when it ends."


def wish(user: User, task: Task, wanted: str) -> None:
    """`wanted`: one of WISHES; the empty one leaves it to the channels."""
    with transaction.atomic():
        rows = TaskFollow.objects.filter(user=user, task=task)
        if wanted:
            TaskFollow.objects.update_or_create(user=user, task=task, defaults={"wish": wanted})
        else:
            rows.delete()
        record(WISHES[wanted], task)
