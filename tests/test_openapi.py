"""An API is described by what it is made of."""

from gateway.openapi import Operation, document
from gateway.rights.asked import Decide, Request

DECIDE = Operation("POST", "/v1/requests/{request}/decision", "Decide", Decide, Request, also=("text/csv",))
LOOK = Operation("GET", "/v1/requests/{request}", "Look", None, Request)


def test_every_operation_is_described_with_what_it_reads_and_writes() -> None:
    about = document([DECIDE, LOOK], {DECIDE.name: ["steward"], LOOK.name: ["subject", "steward"]})

    assert about["openapi"] == "3.1.0"
    decision = about["paths"][DECIDE.path]["post"]
    [parameter] = decision["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("request", "path", True)
    assert decision["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Decide"}
    assert set(decision["responses"]["200"]["content"]) == {"application/json", "text/csv"}
    assert set(decision["responses"]) == {"200", "401", "403", "404", "413", "422", "503"}
    look = about["paths"][LOOK.path]["get"]
    assert "requestBody" not in look
    assert "subject, steward" in look["description"] or "steward, subject" in look["description"]
    assert {"Decide", "Request", "Problem"} <= set(about["components"]["schemas"])
