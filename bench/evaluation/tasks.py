"""All tasks: twenty that read and write, and those that search.

An agent knows only the ids that the user names, as a host shows them, and what it has read.
"""

from collections.abc import Callable
from typing import Final

from bench.evaluation.desk import Ask, Desk, Find, walk
from bench.evaluation.finding import FINDING
from bench.evaluation.task import Scene, Task
from bench.evaluation.world import (
    CODE,
    FILES,
    INVOICE,
    PROMISE,
    QUESTION,
    REPLY_AT,
    RUN,
    TOTAL,
    World,
)

OTHERS_WROTE: Final = ("One more thing.", "And another.", "Are you there?")
SHIPPED: Final = "Shipped on Monday, with the tracking number AB-12."
OPENING: Final = "Let us plan the move to the new office."
ENDING_CHARS: Final = 500
"""How much an agent reads to learn what a long text ends with: about a paragraph."""

REPLY: Final = "The larger plan has free delivery."


def _id(world: World, name: str) -> str:
    return str((world.longest if name == "longest" else world.made[name]).id)


def _texts(world: World, name: str) -> list[str]:
    thread = world.longest if name == "longest" else world.made[name]
    return [str(message.content) for message in thread.messages]


def _message(world: World, name: str, at: int) -> str:
    thread = world.longest if name == "longest" else world.made[name]
    return str(thread.messages[at].id)


def _thread(name: str) -> Callable[[World], tuple[str, ...]]:
    return lambda world: (f"threads/{_id(world, name)}/messages",)


async def _promise(desk: Desk, scene: Scene) -> bool:
    find = Find(
        query="promised",
        sign="I promise to",
        thread_id=_id(scene.world, "longest"),
        limit=1,
    )
    return [item.text for item in await desk.find(find)] == [PROMISE]


async def _reply(desk: Desk, scene: Scene) -> bool:
    after = _message(scene.world, "longest", REPLY_AT - 1)
    ask = Ask(thread_id=_id(scene.world, "longest"), limit=3, newest_first=False, after=after)
    page = await desk.messages(ask)
    expected = _texts(scene.world, "longest")[REPLY_AT : REPLY_AT + 3]
    return [item.text for item in page.items] == expected


async def _before(desk: Desk, scene: Scene) -> bool:
    after = _message(scene.world, "longest", REPLY_AT - 1)
    page = await desk.messages(Ask(thread_id=_id(scene.world, "longest"), limit=10, after=after))
    expected = _texts(scene.world, "longest")[REPLY_AT - 11 : REPLY_AT - 1][::-1]
    return [item.text for item in page.items] == expected


async def _newest(desk: Desk, scene: Scene) -> bool:
    page = await desk.messages(Ask(thread_id=_id(scene.world, "longest"), limit=5))
    return [item.text for item in page.items] == _texts(scene.world, "longest")[:-6:-1]


async def _oldest(desk: Desk, scene: Scene) -> bool:
    ask = Ask(thread_id=_id(scene.world, "longest"), limit=5, newest_first=False)
    page = await desk.messages(ask)
    return [item.text for item in page.items] == _texts(scene.world, "longest")[:5]


async def _last_written(desk: Desk, scene: Scene) -> bool:
    return await desk.latest() == _id(scene.world, "recent")


async def _by_topic(desk: Desk, _: Scene) -> bool:
    page = await desk.messages(Ask(thread_id=await desk.thread_on("support"), limit=1))
    return [each.text for each in page.items] == [QUESTION]


async def _post_once(desk: Desk, scene: Scene) -> bool:
    thread_id = _id(scene.world, "status")
    await desk.write(SHIPPED, thread_id)
    return (await scene.stored(thread_id)).count(SHIPPED) == 1


async def _compare(desk: Desk, scene: Scene) -> bool:
    answers = [(await desk.answer(str(each.id)))[-1] for each in scene.world.completions]
    return answers == ["Yes, by Monday.", "Of course! By Monday."]


async def _by_metadata(desk: Desk, scene: Scene) -> bool:
    page = await desk.completions({"arm": "warm"})
    read = await desk.answer(page.items[0].id)
    return page.items[0].id == scene.world.completions[1].id and "warm tone" in read[0]


async def _thread_files(desk: Desk, scene: Scene) -> bool:
    ask = Ask(thread_id=_id(scene.world, "files"), newest_first=False, preview=20)
    files = [name async for item in walk(desk, ask) for name in item.files]
    return files == list(FILES)


async def _message_files(desk: Desk, scene: Scene) -> bool:
    message_id = _message(scene.world, "files", 16)
    return await desk.files(_id(scene.world, "files"), message_id) == (FILES[2],)


async def _others_wrote(desk: Desk, scene: Scene) -> bool:
    thread_id, expected = _id(scene.world, "busy"), _texts(scene.world, "busy")[::-1]
    first = await desk.messages(Ask(thread_id=thread_id, limit=20))
    for text in OTHERS_WROTE:
        await scene.others_write(thread_id, text)
    second = await desk.messages(Ask(thread_id=thread_id, limit=20, onward=first.onward))
    return [item.text for page in (first, second) for item in page.items] == expected[:40]


async def _others_deleted(desk: Desk, scene: Scene) -> bool:
    thread_id, expected = _id(scene.world, "shrinking"), _texts(scene.world, "shrinking")[::-1]
    first = await desk.messages(Ask(thread_id=thread_id, limit=20))
    await scene.others_delete(thread_id, _message(scene.world, "shrinking", -20))
    second = await desk.messages(Ask(thread_id=thread_id, limit=20, onward=first.onward))
    return [item.text for page in (first, second) for item in page.items] == expected[:40]


async def _skim(desk: Desk, scene: Scene) -> bool:
    thread_id = _id(scene.world, "invoices")
    async for item in walk(desk, Ask(thread_id=thread_id, preview=40)):
        if item.text.startswith(INVOICE):
            return (await desk.message(thread_id, item.id)).endswith(TOTAL)
    return False


async def _long(desk: Desk, scene: Scene) -> bool:
    message_id = _message(scene.world, "manual", 0)
    text = await desk.ending(_id(scene.world, "manual"), message_id, ENDING_CHARS)
    return _texts(scene.world, "manual")[0].endswith(text) and text.endswith(CODE)


async def _conversation(desk: Desk, scene: Scene) -> bool:
    conversation = scene.world.conversation
    ask = Ask(thread_id=str(conversation.id), newest_first=False)
    said = [item.text async for item in walk(desk, ask)]
    return said == [each.item["content"] for each in conversation.items]


async def _open(desk: Desk, scene: Scene) -> bool:
    return await scene.stored(await desk.write(OPENING)) == [OPENING]


async def _answer(desk: Desk, scene: Scene) -> bool:
    thread_id = _id(scene.world, "support")
    page = await desk.messages(Ask(thread_id=thread_id, limit=1))
    await desk.write(REPLY, thread_id)
    return page.items[0].text == QUESTION and (await scene.stored(thread_id))[:2] == [
        REPLY,
        QUESTION,
    ]


async def _of_run(desk: Desk, scene: Scene) -> bool:
    ask = Ask(thread_id=_id(scene.world, "run"), run_id=RUN, newest_first=False)
    said = [item.text async for item in walk(desk, ask)]
    return said == _texts(scene.world, "run")[31:36:2]


def _listed(path: str) -> Callable[[World], tuple[str, ...]]:
    return lambda _: (path,)


def _completion(*which: int) -> Callable[[World], tuple[str, ...]]:
    def paths(world: World) -> tuple[str, ...]:
        owners = [f"chat/completions/{world.completions[at].id}" for at in which]
        return tuple(path for owner in owners for path in (owner, f"{owner}/messages"))

    return paths


def _nothing(_: World) -> tuple[str, ...]:
    return ()


def _topic(world: World) -> tuple[str, ...]:
    return ("threads", *_thread("support")(world))


def _warm(world: World) -> tuple[str, ...]:
    return ("chat/completions", *_completion(1)(world))


def _items(world: World) -> tuple[str, ...]:
    return (f"conversations/{world.conversation.id}/items",)


READING: Final = (
    Task(
        "find a promise",
        "What was promised in this thread?",
        1,
        _promise,
        _thread("longest"),
        most_tokens=900,
    ),
    Task("answer from 1,400", "What was replied to msg_…?", 1, _reply, _thread("longest")),
    Task("what led up to it", "What came before msg_…?", 1, _before, _thread("longest")),
    Task("the newest five", "What was said last?", 1, _newest, _thread("longest")),
    Task("the first five", "How did it begin?", 1, _oldest, _thread("longest")),
    Task("last written to", "Which thread is the latest?", 1, _last_written, _listed("threads")),
    Task("by topic", "What is asked in the thread on support?", 2, _by_topic, _topic),
    Task("post once", "Post this.", 1, _post_once, _thread("status"), flaky=True),
    Task("compare answers", "How do these two answers differ?", 2, _compare, _completion(0, 1)),
    Task("by metadata", "What was the warm answer told?", 2, _by_metadata, _warm),
    Task("files of a thread", "Which files came up?", 1, _thread_files, _thread("files")),
    Task("files of a message", "What is attached to msg_…?", 1, _message_files, _thread("files")),
    Task("others write", "Read the newest 40.", 2, _others_wrote, _thread("busy")),
    Task("others delete", "Read the newest 40.", 2, _others_deleted, _thread("shrinking")),
    Task("skim, then read", "What does invoice 4711 come to?", 2, _skim, _thread("invoices")),
    Task("a long message", "What does the manual end with?", 1, _long, _thread("manual")),
    Task("a conversation", "Read conv_….", 1, _conversation, _items),
    Task("a new thread", "Open a thread with this.", 1, _open, _nothing),
    Task("answer the newest", "Answer the customer.", 2, _answer, _thread("support")),
    Task("of one run", "What did run_… say?", 1, _of_run, _thread("run")),
)
"""The twenty tasks that read and write."""

TASKS: Final = (*READING, *FINDING)
