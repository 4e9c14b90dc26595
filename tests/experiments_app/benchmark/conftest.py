import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments_app.benchmark import BenchmarkRequest

TEXT = Path(__file__).read_text() + Path(pytest.__file__).read_text()

MakeRequest = Callable[..., BenchmarkRequest]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small byte-level tokenizer, so that most words are several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        [TEXT], trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    made.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def make_request(tokenizer: Path, tmp_path: Path) -> MakeRequest:
    def make(api_base: str, **changes: Any) -> BenchmarkRequest:
        fields: dict[str, Any] = {
            "api_base": api_base,
            "backend": "vllm",
            "model_name": "known-pace",
            "tokenizer": str(tokenizer),
            "scenarios": ("D(20,10)",),
            "concurrencies": (4,),
            "folder": tmp_path / "results",
            "max_requests_per_level": 8,
            "max_minutes_per_level": 1,
        }
        return BenchmarkRequest(**{**fields, **changes})

    return make
