"""Builds every part and joins them; nothing else does."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from gateway import api, privacy, public, webhook
from gateway.assemble import Call
from gateway.clearance import clashes, day, unheard, version_in_force
from gateway.clock import utc
from gateway.configured import contracts_of, environment_of, levels_of
from gateway.contract.load import ContractSet
from gateway.contract.model import PolicyVersion
from gateway.due import Due
from gateway.errors import StartError
from gateway.exceptional.office import Office, Rules
from gateway.exchange import Exchange, Limits
from gateway.hooks import Hooks
from gateway.inforce import InForce, check_keys, in_force
from gateway.ledger.housekeeping import ContractActivated, PolicyActivated
from gateway.ledger.store import Filter
from gateway.outbound.mail import Letterhead, MailDrop
from gateway.outbound.send import Vendors
from gateway.oversight import agenda
from gateway.oversight.canaries import Canaries
from gateway.oversight.incidents import Incidents
from gateway.oversight.lookout import Lookout
from gateway.proxy import Proxy
from gateway.record import Recorder
from gateway.registry import lookups
from gateway.registry.claims import Claims
from gateway.reply import Reply
from gateway.report.making import Reports
from gateway.retention import RetentionClass
from gateway.rights.consents import ConsentDesk
from gateway.rights.delivery import Delivery
from gateway.rights.entrance import Entrance
from gateway.rights.report import ReportDesk
from gateway.rights.requests import RequestDesk
from gateway.settings import Settings
from gateway.spool import Spools
from gateway.stores import Stores, accepted, with_entered
from gateway.telemetry import Telemetry
from gateway.vocabulary.notices import NoticeWay
from gateway.webhook import NotTaken, Receiver

BY_ITSELF: Final = "gateway"  # who did what nobody asked for
MAIL: Final = "mail"
_TELLING: Final = "deadlines"
_REMEMBERED: Final = timedelta(days=2)  # that a day was told: longer than it can last anywhere
Post: TypeAlias = Callable[[Receiver, Sequence[Due], datetime], Awaitable[None]]
"""How a server of the shop is told."""


class Gateway:
    """A running gateway, without its listeners."""

    def __init__(self, settings: Settings, stores: Stores, vendors: Vendors) -> None:
        self.settings = settings
        self.stores = stores
        self.telemetry = Telemetry()
        self._version = ""  # of the policy, as far as it is on record
        self.claims = Claims(stores.registry)
        self.reports = Reports(
            stores.ledger, stores.desk.accesses, self.as_entered, partial(accepted, stores.registry), utc
        )
        self.incidents = Incidents(stores.ledger, stores.intake, self.contracts, now=utc)
        self.canaries = Canaries(stores.ledger, self.incidents, now=utc)
        self.lookout = Lookout(self.canaries)
        exchange = self._path()
        self.exchange: Exchange = exchange(vendors=vendors)
        # The same path, with a folder at its end in place of a vendor.
        self._mailing: Exchange = exchange(
            vendors=MailDrop(settings.notice_mail or settings.data / MAIL, self._letterhead)
        )
        self.delivery = self._delivery()
        parts = stores.intake, stores.registry, stores.ledger
        self.requests = RequestDesk(*parts, utc)
        self.disclosures = ReportDesk(
            stores.registry, stores.ledger, self.contracts, now=utc, inquiries=settings.report_inquiries
        )
        self.consents = ConsentDesk(
            *parts, self.contracts, levels=levels_of(settings), now=utc, stops=settings.withdraw_all_stops_contract
        )
        self.entrance = Entrance(stores.tokens, stores.ledger, settings.account_centres)
        self.office = self._office()
        self.hooks = Hooks(
            lambda: self.exchange.contracts,
            stores.ledger,
            self.claims,
            hand_over=partial(webhook.hand_over, key=webhook.key_of(settings)),
            now=utc,
            counted=self.telemetry.call,
        )
        self.proxy = Proxy(
            self.exchange,
            spools=Spools(settings.data, most=settings.spool_bytes),
            body_deadline=settings.body_deadline,
            in_flight=settings.in_flight,
        )
        stores.notices.contracts = stores.direct.contracts = self.contracts
        self.telemetry.gauge("gateway.calls.in_flight", "Calls on their way.", lambda: self.proxy.busy)

    def _delivery(self) -> Delivery:
        stores = self.stores
        return Delivery(
            stores.notices,
            stores.ledger,
            stores.registry,
            stores.tokens,
            {NoticeWay.HTTPS: self.exchange.reply, NoticeWay.MAIL: self._mailed},
            environment=environment_of(self.settings),
            now=utc,
        )

    def _office(self) -> Office:
        settings, stores = self.settings, self.stores
        return Office(
            stores.registry,
            stores.ledger,
            stores.intake,
            hold=stores.holds.hold,
            contracts=self.contracts,
            rules=Rules(environment_of(settings), settings.exceptional_delay, settings.intent_deadline),
            now=utc,
        )

    def _path(self) -> Callable[..., Exchange]:
        """The path of a call, but for who is at its end."""
        settings, stores = self.settings, self.stores
        environment = environment_of(settings)
        deadline = settings.intent_deadline
        return partial(
            Exchange,
            self._bound(contracts_of(settings)),
            registry=stores.registry,
            ledger=stores.ledger,
            tokens=stores.tokens,
            recorder=Recorder(stores.ledger.named("names"), environment=environment, deadline_ms=int(deadline * 1000)),
            environment=environment,
            limits=Limits(
                deadline,
                settings.answer_bytes,
                levels_of(settings),
                settings.cn_sensitive_requires_separate_consent,
                settings.derogations_a_month,
            ),
            now=utc,
            counted=self.telemetry.call,
            unnamed=self.telemetry.unnamed,
            look=self.lookout.look,
            owe=stores.consignees.owe,
        )

    def _bound(self, contracts: ContractSet) -> InForce:
        ledger = self.stores.ledger
        if not self.settings.sandbox:
            check_keys(contracts, environment_of(self.settings), self.settings.secret)
        return in_force(
            contracts,
            secrets=(lambda _: "sandbox") if self.settings.sandbox else self.settings.secret,
            vendor_key=lambda vendor: ledger.named(f"pseudonym/{vendor}"),
            is_played=bool(self.settings.sandbox),
        )

    async def activate(self) -> int:
        """Puts on record which contracts and policy are in force now, and returns how many contracts there are."""
        await self.lookout.refresh()
        return await self._recorded(self.exchange.contracts.contracts)

    async def _recorded(self, contracts: ContractSet) -> int:
        registered = await self._registered(contracts)
        for terms in contracts.terms:
            event = ContractActivated(
                terms.vendor.vendor, terms.operation.operation, str(terms.operation.version), terms.digest
            )
            await self._once(event, Filter(kind="contract", vendor=event.vendor, operation=event.operation, limit=1))
        await self._turned(contracts, registered)
        return len(contracts.terms)

    async def turn(self) -> None:
        """Puts on record, once, a version of the policy whose moment has come."""
        await self._turned(self.contracts(), (await self.stores.registry.papers()).versions)

    async def _turned(self, contracts: ContractSet, registered: Sequence[PolicyVersion]) -> None:
        version = version_in_force(contracts.policy, utc(), registered)
        if version is not None and version.version != self._version:
            await self._once(PolicyActivated(version.version, version.document), Filter(kind="policy", limit=1))
            self._version = version.version

    async def _registered(self, contracts: ContractSet) -> Sequence[PolicyVersion]:
        """The versions of the policy that the register has. Raises StartError where the file says otherwise."""
        registered = (await self.stores.registry.papers()).versions
        if names := clashes(contracts.policy, registered):
            raise StartError(
                f"policy.yaml says otherwise of version {', '.join(names)} than what was published; "
                "take it out of the file, since the register has what counts"
            )
        if names := unheard(contracts.policy, registered):
            raise StartError(
                f"policy.yaml says that version {', '.join(names)} was published before the newest of the register, "
                "which knows nothing of it; take it out of the file, or draft and publish it"
            )
        return registered

    async def _once(self, event: ContractActivated | PolicyActivated, last: Filter) -> None:
        found = await self.stores.ledger.entries(last)
        if not found or any(found[0].body.get(name) != value for name, value in event.members().items()):
            await self.stores.ledger.record(event)

    def contracts(self) -> ContractSet:
        """Those in force."""
        return self.exchange.contracts.contracts

    async def as_entered(self) -> ContractSet:
        """The same with the papers and reviews that stand beside their files. Raises Refusal."""
        return await with_entered(self.contracts(), self.stores.registry)

    def keeps(self) -> Mapping[RetentionClass, str]:
        """What the policy in force says of retention."""
        return self.exchange.contracts.contracts.policy.retention

    async def due(self) -> list[Due]:
        """What has to be done by when, as far as any part knows."""
        known = agenda.of_registry(self.stores.registry), agenda.of_contracts(self.as_entered, utc)
        counted = agenda.of_counts(self.stores.ledger.tallies, self.contracts, utc)
        keys = agenda.of_keys(self.stores.ledger.entries)
        certificates = agenda.of_certificates(lambda: self.exchange.contracts.certificates)
        cases = self.office.due, self.incidents.due, self.stores.consignees.due, self.stores.holds.due
        return await agenda.deadlines((*cases, counted, keys, certificates, *known))

    async def purge(self) -> None:
        """Takes away what is over by now."""
        await self.stores.desk.purge({}, self.keeps(), by=BY_ITSELF)

    async def tell(self) -> None:
        """Opens a notice for each vendor that is to be told, delivers what is due, and closes what is answered."""
        await self.stores.holds.resume(by=BY_ITSELF)
        await self.stores.notices.plan(by=BY_ITSELF)
        await self.delivery.deliver()
        await self.requests.close_answered(BY_ITSELF)
        if self.settings.erasure == "confirmed":
            await self._finish_erasures()

    async def each_day(self) -> None:
        """Takes away what is over by now, and forgets who is to be forgotten."""
        await self.purge()
        await self._finish_erasures()
        await self.sort()
        await self.claims.prune()

    async def sort(self) -> tuple[int, int]:
        """Puts the keys of people away whose accounts are long unused, and brings those of others back."""
        inactive, others = await self.stores.registry.read(lookups.inactive, "")
        return await self.stores.ledger.dormant.sort(inactive, others, by=BY_ITSELF)

    async def notify(self, post: Post = webhook.tell) -> None:
        """Posts what has to be done by when, where somebody wants to hear it: once on each day where the policy is,
        whichever node it is that does. Raises NotTaken, and Refusal.
        """
        if Receiver.of(self.settings) is None:
            return
        now = utc()
        today = f"{_TELLING} {day(self.contracts().policy, now)}"
        # Whoever comes while another node is at it waits for it, and tries where that one could not.
        async with self.claims.alone(_TELLING):
            if not await self.claims.is_taken(today):
                await self._told(post)
                await self.claims.take(today, now + _REMEMBERED)

    async def _told(self, post: Post = webhook.tell) -> int:
        """How many deadlines somebody heard of. Raises NotTaken where nobody wants to, or takes it."""
        if (receiver := Receiver.of(self.settings)) is None:
            raise NotTaken("nobody is to be told: set GATEWAY_WEBHOOK, and start anew")
        due = await self.due()
        await post(receiver, due, utc())
        return len(due)

    async def notify_new(self, post: Post = webhook.tell) -> None:
        """Posts at once what cannot wait for the day: that somebody is to be told that their data is leaving."""
        if (receiver := Receiver.of(self.settings)) is not None:
            await self.stores.consignees.tell_new(lambda due: post(receiver, due, utc()))

    async def _finish_erasures(self) -> None:
        await self.stores.erasures.finish(lambda asked: self.stores.desk.erase(asked, by=BY_ITSELF))

    async def _mailed(self, call: Call) -> Reply:
        self._mailing.contracts = self.exchange.contracts
        return await self._mailing.reply(call)

    def _letterhead(self, host: str) -> Letterhead:
        """Between whom a mail goes that stands for a call to a host."""
        in_force, contracts = self.exchange.contracts, self.exchange.contracts.contracts
        vendor = contracts.vendors[in_force.hosts[host]]
        sender = next(iter(contracts.entities.entities.values())).contact
        return Letterhead(sender, vendor.notices.to or vendor.legal_entity.contact)

    def operators(self) -> Any:
        """Where staff work."""
        ledger = self.stores.ledger
        return api.operators(self._offices(), self.telemetry, lambda: ledger.unready, self.page, self.due)

    def control(self) -> Any:
        """Where the command line works."""
        people = privacy.spoken(self.requests, self.disclosures)
        return api.control(self._offices(), self.reload, self.keeps, {**people, **api.dated(self.due, self._told)})

    def _offices(self) -> api.Offices:
        stores = self.stores
        return api.Offices(stores.desk, stores.tokens, self.reports, self.office, self.incidents, self.canaries)

    def privacy(self) -> Any:
        """Where people ask about their data."""
        offered = privacy.endpoints(self.requests, self.consents, self.disclosures, self.entrance)
        return privacy.listener(offered, self.stores.tokens)

    async def page(self, kind: str) -> public.Page:
        """A public page, made from the contracts and papers in force now. Raises Refusal."""
        contracts, papers, now = self.contracts(), await self.stores.registry.papers(), utc()
        pages = {
            "policy": lambda: public.policy(contracts.policy, now, papers.versions),
            "history": lambda: public.history(contracts.policy, now, papers.versions),
            "recipients": lambda: public.recipients(contracts, now, levels_of(self.settings), papers),
        }
        return pages[kind]()

    async def reload(self) -> int:
        """Takes the contracts anew. Raises ContractError or StartError, and then those in force stay in force."""
        contracts = await asyncio.to_thread(contracts_of, self.settings)
        bound = self._bound(contracts)
        # First on record, so that no call names a contract that was never put in force.
        count = await self._recorded(contracts)
        self.exchange.contracts = bound
        return count
