"""Which version of an engine answers: asked of the server itself, where it says so."""

import httpx

# vLLM, SGLang (two generations), llama.cpp; each engine has one of them.
PATHS = ("/version", "/server_info", "/get_server_info", "/props")
KEYS = ("version", "build_info")
TIMEOUT_S = 2.0


def ask_version(base_url: str) -> str:
    """As the engine writes it; empty where it does not tell."""
    with httpx.Client(base_url=base_url, timeout=TIMEOUT_S, trust_env=False) as client:
        for path in PATHS:
            try:
                answer = client.get(path)
                data = answer.json() if answer.status_code == httpx.codes.OK else None
            except (httpx.HTTPError, ValueError):
                continue
            if isinstance(data, dict):
                for key in KEYS:
                    if isinstance(data.get(key), str) and data[key]:
                        return str(data[key])[:200]
    return ""
