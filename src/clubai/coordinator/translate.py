"""The only file that knows both the wire and the domain.

Messages become events, commands become messages.
"""

from __future__ import annotations

from clubai.core.commands import (
    CancelAttempt,
    FailTask,
    OfferTask,
    SayWait,
)
from clubai.core.events import (
    AttemptFailed,
    ClientKey,
    NodeJoined,
    NodeReported,
    ReplyBegun,
    TaskAccepted,
    TaskFinished,
    TaskRequested,
)
from clubai.model import MemberId, NodeId, TaskId
from clubai.protocol.messages import (
    NodeHeartbeat,
    NodeRegister,
    Notice,
    TaskAccept,
    TaskCancel,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskRequest,
    TaskResult,
)


def node_joined(message: NodeRegister, *, node: NodeId, owner: MemberId) -> NodeJoined:
    """A node's registration, once its proof has been checked."""
    return NodeJoined(
        node=node,
        name=message.name,
        owner=owner,
        models=message.models,
        slots=message.slots,
        vram_gb=message.vram_gb,
        backend=message.backend,
        program=message.program,
    )


def node_reported(message: NodeHeartbeat, *, node: NodeId) -> NodeReported:
    """A node's heartbeat."""
    return NodeReported(
        node=node,
        models=message.models,
        slots=message.slots,
        running=tuple(TaskId(task) for task in message.running),
        paused=message.paused,
        draining=message.draining,
    )


def task_requested(
    message: TaskRequest,
    *,
    task: TaskId,
    client: ClientKey,
    member: MemberId,
    key_id: str = "",
) -> TaskRequested:
    """A client's request for a node."""
    return TaskRequested(
        task=task,
        client=client,
        member=member,
        ref=message.ref,
        model=message.model,
        kind=message.kind,
        mode=message.mode,
        prompt_tokens=message.prompt_tokens,
        max_tokens=message.max_tokens,
        stream=message.stream,
        wait_s=message.wait_s,
        deadline_s=message.deadline_s,
        request_bytes=message.request_bytes,
        exclude=tuple(NodeId(node) for node in message.exclude),
        pinned=tuple(NodeId(node) for node in message.pinned),
        key_id=key_id,
    )


def task_accepted(message: TaskAccept, *, node: NodeId) -> TaskAccepted:
    """A node has the whole request."""
    return TaskAccepted(
        node=node,
        task=TaskId(message.task),
        part=message.part,
        attempt=message.attempt,
    )


def reply_begun(message: TaskRecord, *, node: NodeId) -> ReplyBegun:
    """A node's answer begins: this is its first record."""
    return ReplyBegun(
        node=node,
        task=TaskId(message.task),
        part=message.part,
        attempt=message.attempt,
    )


def task_finished(
    message: TaskResult, *, node: NodeId, answer_bytes: int
) -> TaskFinished:
    """A node's answer is whole."""
    return TaskFinished(
        node=node,
        task=TaskId(message.task),
        part=message.part,
        attempt=message.attempt,
        usage=message.usage,
        first_token_ms=message.first_token_ms,
        total_ms=message.total_ms,
        answer_bytes=answer_bytes,
    )


def attempt_failed(message: TaskFail, *, node: NodeId) -> AttemptFailed:
    """A node could not do it."""
    return AttemptFailed(
        node=node,
        task=TaskId(message.task),
        part=message.part,
        attempt=message.attempt,
        code=message.code,
        message=message.message,
    )


def offer(command: OfferTask) -> TaskOffer:
    """Tell a client which node it got."""
    return TaskOffer(
        ref=command.ref,
        task=command.task,
        part=command.part,
        attempt=command.attempt,
        node=command.node,
        node_name=command.node_name,
        model=command.model,
        queued_ms=command.queued_ms,
    )


def wait_notice(command: SayWait) -> Notice:
    """Tell a client why its request waits."""
    return Notice(
        code=command.code,
        text=command.text,
        ref=command.ref,
        task=command.task,
        position=command.position,
    )


def failure(command: FailTask) -> TaskFail:
    """Tell a client that its request was refused or has failed."""
    return TaskFail(
        code=command.code,
        message=command.message,
        ref=command.ref,
        task=command.task,
        part=command.part,
        attempt=command.attempt,
        retry_after_s=command.retry_after_s,
        attempts=command.attempts,
        begun=command.begun,
    )


def cancel(command: CancelAttempt) -> TaskCancel:
    """Tell a node to stop."""
    return TaskCancel(task=command.task, part=command.part, attempt=command.attempt)
