"""The client: asks the club, follows an answer to its end, watches the club."""

from clubai.client.answer import Answer, AnswerStream, NodeUsed
from clubai.client.client import Client
from clubai.client.job import Job
from clubai.client.run import Run

__all__ = ["Answer", "AnswerStream", "Client", "Job", "NodeUsed", "Run"]
