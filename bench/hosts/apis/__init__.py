"""The APIs that hosts speak with their models: a module for each."""

from bench.hosts.apis import chat_completions, gemini, messages, responses
from bench.hosts.apis.api import Api

CHAT_COMPLETIONS = Api(chat_completions.read, chat_completions.reply)
GEMINI = Api(gemini.read, gemini.reply)
MESSAGES = Api(messages.read, messages.reply)
RESPONSES = Api(responses.read, responses.reply)
