"""A chat completion, whole and in chunks, as OpenAI's API sends it."""

from itertools import zip_longest

from tests.models.script import JSON, Answer, pieces

CREATED = 1_795_000_000


def completion(answer: Answer, body: JSON, completion_id: str) -> JSON:
    """Return the completion that answers a request."""
    choices = [_choice(answer, body, index) for index in range(body.get("n") or 1)]
    said = sum(len(_words(choice["message"])) for choice in choices)
    heard = len(pieces(str(body.get("messages"))))
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": CREATED,
        "model": body.get("model") or "scripted",
        "choices": choices,
        "usage": {
            "prompt_tokens": heard,
            "completion_tokens": said,
            "total_tokens": heard + said,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": len(pieces(answer.reasoning))},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
    }


def chunks(whole: JSON, body: JSON) -> list[JSON]:
    """Return the chunks in which a completion is streamed."""
    options = body.get("stream_options") or {}
    base = {key: whole[key] for key in whole if key not in ("choices", "object", "usage")}
    base["object"] = "chat.completion.chunk"
    if options.get("include_usage"):
        base["usage"] = None
    streams = [_parts(choice) for choice in whole["choices"]]
    rounds = zip_longest(*streams)
    found = [{**base, "choices": [part]} for each in rounds for part in each if part is not None]
    if options.get("include_usage"):
        found.append({**base, "choices": [], "usage": whole["usage"]})
    return found


def _choice(answer: Answer, body: JSON, index: int) -> JSON:
    text = f"{answer.text} ({index})" if answer.text and index else answer.text
    message: JSON = {"role": "assistant", "content": text or None, "refusal": None}
    if answer.refusal:
        message["refusal"] = answer.refusal
    if answer.reasoning:
        message["reasoning"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{index}_{number}_{call.name}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for number, call in enumerate(answer.calls)
        ]
    if "audio" in (body.get("modalities") or []):
        sound = {"id": "audio_1", "data": "QUJDREVG", "transcript": text, "expires_at": CREATED}
        message |= {"content": None, "audio": sound}
    if answer.citation:
        url, title = answer.citation
        cited = {"url": url, "title": title, "start_index": 0, "end_index": len(text)}
        message["annotations"] = [{"type": "url_citation", "url_citation": cited}]
    logprobs = {"content": _logprobs(text), "refusal": None} if body.get("logprobs") else None
    reason = "tool_calls" if answer.calls else "stop"
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason}


def _logprobs(text: str) -> list[JSON]:
    return [
        {"token": word, "bytes": list(word.encode()), "logprob": -0.25, "top_logprobs": []}
        for word in pieces(text)
    ]


def _words(message: JSON) -> list[str]:
    calls = "".join(call["function"]["arguments"] for call in message.get("tool_calls", []))
    return pieces(f"{message['content'] or ''}{message['refusal'] or ''}{calls}")


def _parts(choice: JSON) -> list[JSON]:
    """Return what the chunks of one choice say of it."""
    message, logprobs = choice["message"], choice["logprobs"]
    first: JSON = {"role": "assistant", "content": "" if message["content"] else None}
    deltas: list[JSON] = [first | {"refusal": None}]
    deltas += [{"reasoning": word} for word in pieces(message.get("reasoning", ""))]
    deltas += [{"refusal": word} for word in pieces(message["refusal"] or "")]
    words = len(deltas)
    deltas += [{"content": word} for word in pieces(message["content"] or "")]
    for number, call in enumerate(message.get("tool_calls", [])):
        deltas += _call_deltas(number, call)
    if "audio" in message:
        deltas += _audio_deltas(message["audio"])
    if "annotations" in message:
        deltas.append({"annotations": message["annotations"]})
    parts: list[JSON] = [
        {"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": None}
        for delta in deltas
    ]
    if logprobs:
        for number, token in enumerate(logprobs["content"]):
            parts[words + number]["logprobs"] = {"content": [token], "refusal": None}
    last = {"index": choice["index"], "delta": {}, "logprobs": None}
    return [*parts, {**last, "finish_reason": choice["finish_reason"]}]


def _call_deltas(number: int, call: JSON) -> list[JSON]:
    function = {"name": call["function"]["name"], "arguments": ""}
    begun = {"index": number, "id": call["id"], "type": "function", "function": function}
    rest = [
        {"index": number, "function": {"arguments": word}}
        for word in pieces(call["function"]["arguments"])
    ]
    return [{"tool_calls": [part]} for part in (begun, *rest)]


def _audio_deltas(sound: JSON) -> list[JSON]:
    data = sound["data"]
    parts = [
        {"id": sound["id"], "transcript": ""},
        *({"transcript": word} for word in pieces(sound["transcript"])),
        {"data": data[:4]},
        {"data": data[4:]},
        {"expires_at": sound["expires_at"]},
    ]
    return [{"audio": part} for part in parts]
