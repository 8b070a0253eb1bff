"""The only file that knows both the wire and the domain.

Messages become events, commands become messages.
"""

from __future__ import annotations

from clubai.core.commands import (
    CancelAttempt,
    FailTask,
    ReleaseTags,
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
from clubai.crypto.attestation import Attestation
from clubai.model import CLUB_ID, MemberId, NodeId, TaskId, Usage
from clubai.protocol.messages import (
    MAX_SECONDS,
    NodeHeartbeat,
    NodeRegister,
    Notice,
    TaskAccept,
    TaskCancel,
    TaskFail,
    TaskRecord,
    TaskRequest,
    TaskResult,
    TaskTags,
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
    sealed: bool = False,
) -> TaskRequested:
    """A client's request for a node; the club's own requests are checks."""
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
        group=message.group,
        group_size=message.group_size,
        key_id=key_id,
        check=member == CLUB_ID,
        sealed=sealed,
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
    message: TaskResult,
    said: Attestation,
    *,
    node: NodeId,
    request_bytes: int,
    answer_bytes: int,
) -> TaskFinished:
    """A node's answer is whole; `said` is what it signed."""
    return TaskFinished(
        node=node,
        task=TaskId(message.task),
        part=message.part,
        attempt=message.attempt,
        usage=Usage(
            prompt_tokens=said.prompt_tokens, completion_tokens=said.output_tokens
        ),
        first_token_ms=said.ttft_ms,
        total_ms=said.total_ms,
        request_bytes=request_bytes,
        answer_bytes=answer_bytes,
        eq=message.eq,
        sketch=message.sketch,
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
        sealed=message.sealed,
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
        retry_after_s=bounded_seconds(command.retry_after_s),
        attempts=command.attempts,
        begun=command.begun,
        sealed=command.sealed,
    )


def tags(command: ReleaseTags) -> TaskTags:
    """Tell a client how the answers of its group compare."""
    return TaskTags(group=command.group, tags=command.tags, missing=command.missing)


def cancel(command: CancelAttempt) -> TaskCancel:
    """Tell a node to stop."""
    return TaskCancel(task=command.task, part=command.part, attempt=command.attempt)


def bounded_seconds(wait_s: float | None) -> float | None:
    """A wait as a message can say it."""
    return None if wait_s is None else min(wait_s, MAX_SECONDS)
