"""The list of all tools, in the order in which the server presents them to hosts."""

from typing import Final

from backscroll_tools.tool import Tool
from backscroll_tools.tools.cancel_response import CANCEL_RESPONSE
from backscroll_tools.tools.cancel_run import CANCEL_RUN
from backscroll_tools.tools.copy_thread import COPY_THREAD
from backscroll_tools.tools.create_message import CREATE_MESSAGE
from backscroll_tools.tools.create_run import CREATE_RUN
from backscroll_tools.tools.create_thread import CREATE_THREAD
from backscroll_tools.tools.delete_chat_completion import DELETE_CHAT_COMPLETION
from backscroll_tools.tools.delete_message import DELETE_MESSAGE
from backscroll_tools.tools.delete_response import DELETE_RESPONSE
from backscroll_tools.tools.delete_thread import DELETE_THREAD
from backscroll_tools.tools.get_chat_completion import GET_CHAT_COMPLETION
from backscroll_tools.tools.get_chat_messages import GET_CHAT_MESSAGES
from backscroll_tools.tools.get_file import GET_FILE
from backscroll_tools.tools.get_message import GET_MESSAGE
from backscroll_tools.tools.get_object import GET_OBJECT
from backscroll_tools.tools.get_response import GET_RESPONSE
from backscroll_tools.tools.get_run import GET_RUN
from backscroll_tools.tools.get_run_step import GET_RUN_STEP
from backscroll_tools.tools.get_thread import GET_THREAD
from backscroll_tools.tools.list_chat_completions import LIST_CHAT_COMPLETIONS
from backscroll_tools.tools.list_files import LIST_FILES
from backscroll_tools.tools.list_message_files import LIST_MESSAGE_FILES
from backscroll_tools.tools.list_messages import LIST_MESSAGES
from backscroll_tools.tools.list_objects import LIST_OBJECTS
from backscroll_tools.tools.list_responses import LIST_RESPONSES
from backscroll_tools.tools.list_run_steps import LIST_RUN_STEPS
from backscroll_tools.tools.list_runs import LIST_RUNS
from backscroll_tools.tools.list_threads import LIST_THREADS
from backscroll_tools.tools.list_vector_store_files import LIST_VECTOR_STORE_FILES
from backscroll_tools.tools.list_vector_stores import LIST_VECTOR_STORES
from backscroll_tools.tools.modify_chat_completion import MODIFY_CHAT_COMPLETION
from backscroll_tools.tools.modify_message import MODIFY_MESSAGE
from backscroll_tools.tools.modify_run import MODIFY_RUN
from backscroll_tools.tools.modify_thread import MODIFY_THREAD
from backscroll_tools.tools.read_file import READ_FILE
from backscroll_tools.tools.search_messages import SEARCH_MESSAGES
from backscroll_tools.tools.search_vector_store import SEARCH_VECTOR_STORE

TOOLS: Final[tuple[Tool, ...]] = (
    LIST_MESSAGES,
    GET_CHAT_MESSAGES,
    LIST_MESSAGE_FILES,
    CREATE_MESSAGE,
    GET_MESSAGE,
    LIST_THREADS,
    LIST_CHAT_COMPLETIONS,
    SEARCH_MESSAGES,
    CREATE_THREAD,
    GET_THREAD,
    MODIFY_THREAD,
    DELETE_THREAD,
    MODIFY_MESSAGE,
    DELETE_MESSAGE,
    COPY_THREAD,
    GET_CHAT_COMPLETION,
    MODIFY_CHAT_COMPLETION,
    DELETE_CHAT_COMPLETION,
    LIST_RESPONSES,
    GET_RESPONSE,
    CANCEL_RESPONSE,
    DELETE_RESPONSE,
    LIST_RUNS,
    GET_RUN,
    CREATE_RUN,
    MODIFY_RUN,
    CANCEL_RUN,
    LIST_RUN_STEPS,
    GET_RUN_STEP,
    LIST_FILES,
    GET_FILE,
    READ_FILE,
    LIST_VECTOR_STORES,
    LIST_VECTOR_STORE_FILES,
    SEARCH_VECTOR_STORE,
    LIST_OBJECTS,
    GET_OBJECT,
)
