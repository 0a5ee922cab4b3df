"""The command line, as somebody types it: with a gateway running, and without."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Machine, Serving
from sockets import Client, Reply
from typer.testing import CliRunner

from gateway.cli.ledger import _row
from gateway.cli.main import cli, main
from gateway.ledger.checkpoint import opened
from gateway.ledger.note import Verifier

pytestmark = pytest.mark.slow

ORDER = {"kind": "order", "order": "A-1", "people": [{"role": "purchaser", "subject": "c-1", "jurisdiction": "DE"}]}
LEAVES = json.loads((Path(__file__).parent / "vectors" / "leaf-v1.json").read_bytes())
BODY = b'{"reference":"A-1","weight":1}'


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def serving(machine: Machine) -> Iterator[Serving]:
    with machine.serving() as serving:
        yield serving


def shipped(serving: Serving, token: str) -> Reply:
    client = Client(("127.0.0.1", serving.port))
    head = f"POST /parcels/shipments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
    client.say(head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
    try:
        return client.reply()
    finally:
        client.close()


def test_tokens_facts_and_the_record_are_asked_of_the_running_gateway(machine: Machine, serving: Serving) -> None:
    issued = machine.asked("token", "issue", "--service", "fulfilment")
    unknown = shipped(serving, issued["token"])
    put = machine.typed("facts", "put", "-", stdin=json.dumps(ORDER))
    unreachable = shipped(serving, issued["token"])
    revoked = machine.typed("token", "revoke", issued["id"])
    refused = shipped(serving, issued["token"])

    assert (unknown.status, unknown.code) == (403, "subject.unresolved")
    assert (put.returncode, put.stdout) == (0, "1 fact is in force\n")
    assert (unreachable.status, unreachable.code) == (502, "vendor.unreachable")
    assert (revoked.returncode, refused.status) == (0, 401)
    [intent] = machine.listed("--kind", "intent", "--result", "not_sent")
    assert intent["outcome"]["code"] == "vendor.unreachable"
    shown = json.loads(machine.typed("ledger", "show", intent["id"]).stdout)
    assert shown["disclosure"] == unreachable.headers["gateway-disclosure"]
    assert [entry["code"] for entry in machine.listed("--kind", "refusal")] == ["subject.unresolved"]
    looks = machine.listed("--kind", "access")
    assert {look["action"] for look in looks} == {"list", "show"}


def test_the_log_is_proved_by_the_running_gateway(machine: Machine, serving: Serving) -> None:
    vkey = machine.typed("ledger", "key").stdout.removesuffix("\n")
    older = opened(machine.typed("ledger", "checkpoint").stdout, Verifier.parse(vkey))
    [entry, *_] = machine.listed("--kind", "contract")

    proved = machine.typed("ledger", "prove", entry["id"]).stdout
    grown = machine.typed("ledger", "prove", "--consistency", str(older.size)).stdout
    between = machine.typed("ledger", "prove", "--consistency", "1", "--new", str(older.size)).stdout

    assert proved.split("\n")[2] == f"index {entry['seq']}"
    assert opened(between.split("\n\n", 1)[1], Verifier.parse(vkey)) == older
    assert grown.split("\n")[0] == f"old {older.size}"
    for text in (proved, grown):
        assert opened(text.split("\n\n", 1)[1], Verifier.parse(vkey)).size >= older.size


def test_without_a_gateway_the_log_is_proved_all_the_same(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.asked("token", "issue", "--service", "fulfilment")

    note = machine.typed("ledger", "checkpoint").stdout
    proved = machine.typed("ledger", "prove", "0")
    verifier = Verifier.parse(machine.typed("ledger", "key").stdout.removesuffix("\n"))

    assert opened(note, verifier).size >= 3
    assert proved.stdout.startswith("c2sp.org/tlog-proof@v1\nextra ")


@pytest.mark.parametrize(
    "words", [["prove"], ["prove", "1", "--consistency", "1"], ["prove", "1", "--new", "2"]], ids=" ".join
)
def test_what_is_to_be_proved_is_said_once(words: list[str]) -> None:
    done = CliRunner().invoke(cli, ["ledger", *words])

    assert done.exit_code == 2
    assert "--consistency" in done.output


def test_a_reviewer_reads_the_record_as_a_table(machine: Machine, serving: Serving) -> None:
    listed = machine.typed("ledger", "list", "--kind", "contract", "--limit", "3")

    assert listed.returncode == 0
    assert "parcels" in listed.stdout
    assert len(listed.stdout.splitlines()) >= 5


@pytest.mark.parametrize("name", [each["name"] for each in LEAVES])
def test_every_kind_of_entry_is_a_line_of_the_table(name: str) -> None:
    [event] = [each["event"] for each in LEAVES if each["name"] == name]

    row = _row({"seq": 7, **event})

    assert (row[0], row[2], len(row)) == ("7", event["kind"], 8)


def test_what_cannot_be_done_is_one_line_and_a_status(machine: Machine, serving: Serving) -> None:
    failures = [
        machine.typed("ledger", "show", "f" * 32),
        machine.typed("ledger", "prove", "f" * 32),
        machine.typed("ledger", "prove", "--consistency", "99999999"),
        machine.typed("ledger", "list", "--vendor", "Zoe Müller"),
        machine.typed("token", "issue", "--service", "Check Out"),
        machine.typed("token", "revoke", "eyJhbGciOiJFZERTQSJ9.e30.x"),
        machine.typed("facts", "put", "-", stdin='{"kind": "order"'),
        machine.typed("facts", "put", "-", stdin='{"kind": "order", "order": "Qz7canary"}'),
    ]

    for failure in failures:
        assert failure.returncode == 1
        assert failure.stdout == ""
        assert 0 < len(failure.stderr.splitlines()) <= 3
        assert "Traceback" not in failure.stderr
        assert "Qz7canary" not in failure.stderr
        assert "eyJhbGciOiJFZERTQSJ9" not in failure.stderr


def test_contracts_are_taken_anew_and_bad_ones_leave_the_others_in_force(machine: Machine, serving: Serving) -> None:
    file = machine.folder / "contracts" / "parcels" / "track.yaml"
    good = file.read_text("utf-8")
    file.write_text(good.replace("status: enforce", "status: nonsense"), "utf-8")
    bad = machine.typed("contract", "reload")
    file.write_text(good, "utf-8")

    mended = machine.typed("contract", "reload")

    assert bad.returncode == 1
    assert "parcels/track.yaml:3: contract.value: `status`" in bad.stderr
    assert "Traceback" not in bad.stderr
    assert (mended.returncode, mended.stdout) == (0, "10 operations are in force\n")


def test_without_a_gateway_the_folder_is_opened_and_left_as_it_was(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    put = machine.typed("facts", "put", "-", stdin="\n".join(json.dumps(ORDER | {"order": f"A-{n}"}) for n in range(3)))
    token = machine.typed("token", "issue", "--service", "fulfilment", "--entity", "shop-uk").stdout
    listed = machine.listed("--kind", "token")
    reloaded = machine.typed("contract", "reload")

    assert put.stdout == "3 facts are in force\n"
    assert token.count(".") == 2
    assert [entry["service"] for entry in listed] == ["fulfilment"]
    assert reloaded.returncode == 1
    assert reloaded.stderr.startswith(
        f"no gateway is running with {machine.folder}/data: set GATEWAY_DATA to the folder"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "list"), ("ledger", "verify"), ("ledger", "export", "out"), ("ledger", "purge", "--dry-run"),
        ("keys", "turnover"), ("subject", "erase", "c-1", "--reason", "request"), ("report", "disclosures"),
        ("backup", "copy"), ("facts", "put", "--dry-run", "-"),
    ],
)  # fmt: skip
def test_in_a_folder_without_a_record_nothing_is_read_and_nothing_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    machine = Machine(tmp_path, settings={"DATA": "elsewhere"})

    done = machine.typed(*words, stdin="[]")

    assert done.returncode == 1
    assert done.stderr.startswith(f"there is no record in {tmp_path}/elsewhere: set GATEWAY_DATA to the folder that ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contracts", "secrets"]


@pytest.mark.parametrize("words", [("serve",), ("token", "issue", "--service", "fulfilment"), ("facts", "put", "-")])
def test_beside_no_contracts_no_record_is_begun(tmp_path: Path, words: tuple[str, ...]) -> None:
    machine = Machine(tmp_path, settings={"CONTRACTS": "elsewhere"})

    done = machine.typed(*words, stdin="[]")

    folder = tmp_path / "elsewhere"
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"there is no policy.yaml in {folder}: set GATEWAY_CONTRACTS to the folder that has it"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contracts", "secrets"]


def test_who_begins_a_record_is_told_so_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    first, second = (machine.typed("token", "issue", "--service", "fulfilment") for _ in range(2))

    assert first.stderr == f"no gateway runs with {tmp_path}/data; a new record begins there\n"
    assert second.stderr == ""
    assert first.stdout.count(".") == second.stdout.count(".") == 2


def test_a_folder_without_contracts_does_not_start_and_says_why(tmp_path: Path) -> None:
    machine = Machine(tmp_path, files={"policy.yaml": "markets: [EU]\n"})

    done = machine.typed("serve")

    assert done.returncode == 1
    assert "policy.yaml:1: contract.missing: `time_zone` is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_gateway_that_is_not_there_is_not_healthy(tmp_path: Path) -> None:
    done = Machine(tmp_path, settings={"OPERATORS_PORT": "9"}).typed("health")

    assert (done.returncode, done.stderr) == (1, "nothing answers on port 9\n")


def test_a_gateway_that_is_there_is_healthy(machine: Machine, serving: Serving) -> None:
    asking = Machine(machine.folder, settings={"OPERATORS_PORT": str(serving.operators_port)})

    assert asking.typed("health").returncode == 0


def test_a_gateway_is_asked_whatever_the_environment_says_of_certificates(machine: Machine, serving: Serving) -> None:
    asking = Machine(machine.folder, variables={"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"})

    done = asking.typed("ledger", "list", "--limit", "1")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def inside(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(machine.folder)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def test_a_set_that_is_right_is_said_to_load(inside: CliRunner) -> None:
    done = inside.invoke(cli, ["contract", "check"])

    assert (done.exit_code, done.stdout) == (0, "10 operations load\n")


def test_findings_come_with_file_and_line_for_people_and_machines(inside: CliRunner, tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    file = tmp_path / "contracts" / "parcels" / "track.yaml"
    file.write_text(file.read_text("utf-8").replace("purpose: delivery", "purpose: fun"), "utf-8")

    told = inside.invoke(cli, ["contract", "check", str(machine.folder / "contracts")])
    [finding] = json.loads(inside.invoke(cli, ["contract", "check", str(file), "--json"]).stdout)

    assert told.exit_code == 1
    assert "parcels/track.yaml:7: " in told.stdout
    assert (finding["file"], finding["line"], finding["level"]) == ("parcels/track.yaml", 7, "error")


def test_what_stands_in_files_that_were_not_asked_for_is_counted(inside: CliRunner, tmp_path: Path) -> None:
    file = Machine(tmp_path).folder / "contracts" / "parcels" / "track.yaml"
    file.write_text(file.read_text("utf-8").replace("purpose: delivery", "purpose: fun"), "utf-8")

    told = inside.invoke(cli, ["contract", "check", str(tmp_path / "contracts" / "faults")])

    assert (told.exit_code, told.stdout) == (1, "0 findings, 1 in other files; the set does not load\n")


@pytest.mark.parametrize("command", ["check", "test"])
def test_a_path_that_is_not_there_is_not_said_to_be_right(inside: CliRunner, command: str) -> None:
    done = inside.invoke(cli, ["contract", command, "contracts/parcel"])

    assert (done.exit_code, str(done.exception)) == (1, "there is no contracts/parcel")


def test_a_vendor_is_checked_from_within_its_folder_and_without_others_that_are_called_alike(
    inside: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts = Machine(tmp_path).folder / "contracts"
    (contracts / "parcels-2").mkdir()
    (contracts / "parcels-2" / "vendor.yaml").write_text("vendor: x\n", "utf-8")
    monkeypatch.chdir(contracts / "parcels")

    told = inside.invoke(cli, ["contract", "check", "."])

    assert "parcels-2" not in told.stdout
    assert told.stdout.startswith("0 findings, ")


def test_examples_are_run_for_a_set_a_vendor_or_one_file(inside: CliRunner) -> None:
    counts = [
        len(json.loads(inside.invoke(cli, ["contract", "test", f"contracts{below}", "--json"]).stdout))
        for below in ("", "/faults", "/parcels/ship.yaml")
    ]
    told = inside.invoke(cli, ["contract", "test"])

    assert counts == [10, 2, 1]
    assert told.exit_code == 0
    assert "10 examples hold, 0 do not" in told.stdout


def test_a_contract_is_shown_as_a_reviewer_reads_it(inside: CliRunner) -> None:
    told = inside.invoke(cli, ["contract", "explain", "parcels/ship"])
    rows = json.loads(inside.invoke(cli, ["contract", "explain", "parcels/ship", "--json"]).stdout)

    assert told.exit_code == 0
    assert "Everything else stays here." in told.stdout
    assert rows[0]["why"] == "The driver finds the door and can call."
    assert rows[-1]["fields"] == [["header:parcels-version", "not_personal", False]]


@pytest.mark.parametrize(
    "text",
    ['{"reference": "A-1", "weight": 1, "crm": 2}', 'POST /shipments\n\n{"reference": "A-1", "weight": 1, "crm": 2}'],
)
def test_of_a_payload_it_is_shown_what_leaves_and_what_stays(inside: CliRunner, tmp_path: Path, text: str) -> None:
    (tmp_path / "call.http").write_text(text, "utf-8")
    words = ["contract", "explain", "parcels/ship", "--in", str(tmp_path / "call.http")]

    told = inside.invoke(cli, words)
    rows = json.loads(inside.invoke(cli, [*words, "--json"]).stdout)

    assert "POST /api/shipments" in told.stdout
    assert {row["place"]: row["left"] for row in rows} == {"$.weight": True, "$.reference": True, "$.crm": False}


@pytest.mark.parametrize("view", ["hours", "full"])
def test_a_body_alone_is_shown_as_a_call_with_the_segments_and_pins_of_its_contract(
    inside: CliRunner, tmp_path: Path, view: str
) -> None:
    (tmp_path / "body").write_text("", "utf-8")

    told = inside.invoke(cli, ["contract", "explain", f"parcels/depot-{view}", "--in", str(tmp_path / "body")])

    assert told.stdout.startswith(f"GET /api/depots/0?view={view}\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{bad", "refused: body.unreadable: not valid JSON\n"),
        ("GET /nowhere\n\n", "refused: operation.unknown: "),
    ],
)
def test_of_a_call_that_is_refused_it_is_shown_why_and_the_way_out(
    inside: CliRunner, tmp_path: Path, text: str, line: str
) -> None:
    (tmp_path / "call.http").write_text(text, "utf-8")

    told = inside.invoke(cli, ["contract", "explain", "parcels/ship", "--in", str(tmp_path / "call.http")])

    assert told.stdout.startswith(line)
    assert "urn:gateway" not in told.stdout
    assert len(told.stdout.splitlines()) == 2


def test_an_operation_that_does_not_exist_is_answered_with_those_that_do(machine: Machine) -> None:
    done = machine.typed("contract", "explain", "parcels/fly")

    assert done.returncode == 1
    assert done.stderr.startswith("there is no parcels/fly; there are faults/report, faults/survey, parcels/depot-full")


def test_a_file_or_a_setting_that_cannot_be_read_is_one_line(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "call").write_bytes(b"\xff\xfe")
    shown = machine.typed("contract", "explain", "parcels/ship", "--in", str(tmp_path / "call"))
    started = Machine(tmp_path, settings={"SANDBOX": "{"}).typed("serve")

    assert (shown.returncode, shown.stderr) == (1, "a file is not UTF-8 text\n")
    assert (started.returncode, started.stderr) == (1, "GATEWAY_SANDBOX: not valid JSON\n")


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"PORT": "http"}, "GATEWAY_PORT: not a whole number (write its digits)"),
        ({"LEVLES": "{}"}, "there is no GATEWAY_LEVLES; write GATEWAY_LEVELS"),
        ({"IN_FLIGHT": "0"}, "GATEWAY_IN_FLIGHT: too small (write more than 0)"),
        ({"ENVIRONMENT": "test"}, "GATEWAY_ENVIRONMENT: there is no such word here (write one of sandbox, live)"),
        ({"SANDBOX": '{"a": "http://10.0.0.1:1"}'}, "GATEWAY_SANDBOX: a sandbox stands on this machine"),
        ({"CA": "none.pem"}, "none.pem: no such file or directory"),
    ],
)
def test_a_setting_that_does_not_fit_is_told_by_the_name_it_is_set_by(
    setting: dict[str, str], line: str, tmp_path: Path
) -> None:
    done = Machine(tmp_path, settings=setting).typed("serve")

    assert done.returncode == 1
    assert done.stderr.startswith(line)


def test_what_nobody_foresaw_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise KeyError("zoe@example.com")

    monkeypatch.setattr("gateway.cli.main.cli", fails)

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "KeyError at" in said
    assert "zoe@example.com" not in said


def test_what_is_found_in_labelled_sentences_is_a_table(inside: CliRunner, tmp_path: Path) -> None:
    label = {"entity_type": "EMAIL_ADDRESS", "start_position": 3, "end_position": 18}
    rows = [{"full_text": "to zoe@example.com", "spans": [label]}, {"full_text": "to nobody", "spans": []}]
    (tmp_path / "said").mkdir()
    (tmp_path / "said" / "sentences.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")

    done = inside.invoke(cli, ["scrub", "measure", str(tmp_path / "said")])

    assert done.exit_code == 0
    assert "EMAIL_ADDRESS" in done.stdout
    assert "1.000" in done.stdout
    assert "zoe" not in done.stdout


def test_reports_are_made_of_the_running_gateway_and_without_one(
    machine: Machine, serving: Serving, tmp_path: Path
) -> None:
    listed = machine.asked("report", "--json")
    told = machine.typed("report", "vendors")
    twice = [
        machine.typed("report", "accesses", "--output", str(machine.folder / "a.html"), "--format", "html")
        for _ in "ab"
    ]
    unknown = machine.typed("report", "nothing")

    other = Machine(tmp_path)
    other.asked("token", "issue", "--service", "fulfilment")
    alone = other.typed("report", "expiring")

    assert "entries hashed again" in alone.stdout
    assert {"activities", "vendors", "accesses"} <= {each["report"] for each in listed}
    assert (told.returncode, told.stdout.splitlines()[0]) == (0, "# report: Oversight of vendors")
    assert [each.returncode for each in twice] == [0, 1]  # what is there is not written over
    assert "<table>" in (machine.folder / "a.html").read_text("utf-8")
    assert unknown.returncode == 1
    assert "there are accesses, activities" in unknown.stderr


def test_what_people_are_told_in_a_line_machines_are_told_in_json(machine: Machine, serving: Serving) -> None:
    newest = machine.listed()[0]
    issued = machine.asked("token", "issue", "--service", "fulfilment")

    assert machine.asked("token", "revoke", issued["id"]) == {"revoked": issued["id"]}
    assert machine.asked("ledger", "show", newest["id"])["id"] == newest["id"]
    assert machine.asked("ledger", "checkpoint")["checkpoint"].startswith(machine.asked("ledger", "key")["key"][:8])
    assert machine.asked("ledger", "prove", newest["id"])["proof"].startswith("c2sp.org/tlog-proof@v1")
    assert machine.asked("contract", "reload")["operations"] > 1
    unready = machine.typed("health", "--json")
    assert (unready.returncode, json.loads(unready.stdout)["ready"]) == (1, False)


def test_deadlines_are_a_table_a_list_and_a_calendar_and_nobody_hears_of_them_where_nobody_wants_to(
    machine: Machine, serving: Serving
) -> None:
    shown, listed = machine.typed("deadlines"), machine.asked("deadlines", "--json")
    calendar = machine.typed("deadlines", "--ics")
    posted = machine.typed("deadlines", "--post")
    both = machine.typed("deadlines", "--post", "--ics")

    assert [each["at"] for each in listed] == sorted(each["at"] for each in listed)
    assert "vendor.review" in {each["what"] for each in listed}
    assert all(each["said"] in shown.stdout for each in listed if not each["overdue"])
    assert calendar.stdout.startswith("BEGIN:VCALENDAR")
    assert calendar.stdout.count("BEGIN:VEVENT") == len(listed)
    assert (both.returncode, both.stdout) == (1, "")
    assert (posted.returncode, posted.stderr) == (
        1,
        "request.invalid: nobody is to be told: set GATEWAY_WEBHOOK, and start anew\n",
    )
