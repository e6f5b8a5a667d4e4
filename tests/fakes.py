"""Hand-written stand-ins for what a test must not reach."""

from services.bus import JobMessage


class FakeJobs:
    """A job broker that remembers; `away` makes it refuse like one that is down."""

    def __init__(self) -> None:
        self.sent: list[JobMessage] = []
        self.away = False

    def send(self, message: JobMessage) -> None:
        if self.away:
            raise ConnectionError("the job broker is away")
        self.sent.append(message)

    def named(self, name: str) -> list[JobMessage]:
        """The jobs of one kind."""
        return [message for message in self.sent if message.name == name]
