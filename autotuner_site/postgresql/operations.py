import json
from typing import Any

from django.db.backends.postgresql import operations


class DatabaseOperations(operations.DatabaseOperations):
    def adapt_json_value(self, value: Any, encoder: type[json.JSONEncoder] | None) -> str:
        """As text, which each column takes as its own: through `jsonb` keys lose their order."""
        return json.dumps(value, cls=encoder)

    def lookup_cast(self, lookup_type: str, internal_type: str | None = None) -> str:
        """`json` has no equality: it is compared as `jsonb`, whatever the order of its keys."""
        if internal_type == "JSONField" and lookup_type in {"exact", "in"}:
            return "%s::jsonb"
        return super().lookup_cast(lookup_type, internal_type)
