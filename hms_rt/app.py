"""The composition root: from settings to a wired application. Everything is made here, once, by name."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from channels import CHANNELS
from handlers import ROUTES
from handlers.authentication import Authentication, RestAuthentication
from handlers.identity import PAGES
from hms_rt.authority import PlacesOfCare, SessionAuthority
from hms_rt.config import ConfigError, Settings
from hms_rt.departments.audit.service import AuditService
from hms_rt.departments.beds import merging as beds_merging
from hms_rt.departments.beds import projector as beds_projector
from hms_rt.departments.beds.service import BedsService
from hms_rt.departments.billing import merging as billing_merging
from hms_rt.departments.billing import projector as billing_projector
from hms_rt.departments.billing.service import BillingService
from hms_rt.departments.boards.service import BoardsService
from hms_rt.departments.identity import projector as identity_projector
from hms_rt.departments.identity.service import Gathered, IdentityService, Principals, Throttle, counts_in
from hms_rt.departments.ipd import merging as ipd_merging
from hms_rt.departments.ipd import projector as ipd_projector
from hms_rt.departments.ipd.service import (
    IpdService,
    encounter_of,
    medication_following,
    patient_of_admission,
    ward_of_inpatient,
    wards_of_patient,
)
from hms_rt.departments.ipd.service.medication import MedicationService
from hms_rt.departments.ipd.service.medication_planning import projectors as medication_projectors
from hms_rt.departments.lab import merging as lab_merging
from hms_rt.departments.lab import projector as lab_projector
from hms_rt.departments.lab.model.night import Night
from hms_rt.departments.lab.service import LabService
from hms_rt.departments.lab.service import Limits as CriticalLimits
from hms_rt.departments.notifications import merging as notifications_merging
from hms_rt.departments.notifications.service import NotificationsService
from hms_rt.departments.opd import merging as opd_merging
from hms_rt.departments.opd import projector as opd_projector
from hms_rt.departments.opd.service import OpdService, patient_of_visit
from hms_rt.departments.patients import merging as patients_merging
from hms_rt.departments.patients import projector as patients_projector
from hms_rt.departments.patients.events import PatientDied
from hms_rt.departments.patients.service import ContextKind, PatientsService
from hms_rt.departments.pharmacy import merging as pharmacy_merging
from hms_rt.departments.pharmacy import projector as pharmacy_projector
from hms_rt.departments.pharmacy.service import Facility, PharmacyService, recorded_allergies
from hms_rt.departments.reporting.service import ReadState, ReportingService
from hms_rt.housekeeping import Housekeeping, durable_timers, periodic
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.clock import Clock, SystemClock
from hms_rt.kernel.collector import keep_what_is_there
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.ids import Ids, RandomIds
from hms_rt.realtime.asyncapi import asyncapi_routes
from hms_rt.realtime.blackout import Blackout
from hms_rt.realtime.fanout import Views
from hms_rt.realtime.hub import Hub
from hms_rt.realtime.publisher import Publisher
from hms_rt.realtime.pulse import FRESH_S, Pulse
from hms_rt.realtime.rights import Rights
from hms_rt.realtime.rooms import Rooms
from hms_rt.realtime.server import Limits, RealtimeServer
from hms_rt.realtime.subscriber import Subscriber
from hms_rt.realtime.subscriptions import Subscriptions
from hms_rt.realtime.vitals import VITALS, Vitals
from hms_rt.realtime.wire import SocketCommand
from hms_rt.screens.pages import add_screens
from hms_rt.security.passwords import Passwords
from hms_rt.security.tokens import AccessTokens, DerivedSecrets, SigningKey
from hms_rt.services import Services
from hms_rt.storage.access_trail import Access, AccessTrail
from hms_rt.storage.mongo import Documents
from hms_rt.storage.notes import Notes
from hms_rt.storage.orphans import OrphanSweep
from hms_rt.storage.postgres import make_engine
from hms_rt.storage.redis import Bus, make_redis
from hms_rt.storage.unit_of_work import Projector, UnitsOfWork
from hms_rt.timers import Timers
from hms_rt.web.address import client_address
from hms_rt.web.health import READINESS
from hms_rt.web.server import build_web
from hms_rt.web.settings import WebSettings, networks

log = structlog.get_logger(__name__)

MERGING = (
    patients_merging,
    ipd_merging,
    beds_merging,
    opd_merging,
    lab_merging,
    pharmacy_merging,
    notifications_merging,
    billing_merging,
)
"""One entry per department with rows about patients: what of it follows a merge.

In this order: a bed shows the patient of the stay, which ipd moved."""

PROJECTORS = (
    identity_projector.PROJECTORS,
    patients_projector.PROJECTORS,
    beds_projector.PROJECTORS,
    opd_projector.PROJECTORS,
    lab_projector.PROJECTORS,
    pharmacy_projector.PROJECTORS,
    ipd_projector.PROJECTORS,
    *(merging.PROJECTORS for merging in MERGING),
)
"""One entry per department that turns events into changes."""

DOCUMENT_COLLECTIONS = ("record_entries", "lab_results")
"""Every collection of documents; what no row refers to is swept from them."""


@dataclass(frozen=True)
class Stores:
    """Where the stores are; every URI is set by the time an application is built."""

    postgres_uri: str
    mongo_uri: str
    redis_url: str
    mongo_database: str = "hms"
    redis_prefix: str = "hms"


class Hospital:
    """One server process: made from settings, started, and stopped in order."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        reached: Callable[[str], None] | None = None,
    ) -> None:
        if settings.jwt_secret is None or settings.password_pepper is None:
            raise ConfigError("JWT_SECRET and PASSWORD_PEPPER must be set")
        self.settings = settings
        self.clock = clock or SystemClock()
        self.ids = ids or RandomIds()
        self._engine = make_engine(stores.postgres_uri, pool_size=settings.database_connections)
        self._live_engine = make_engine(stores.postgres_uri, pool_size=4, application_name="hms-rt live")
        self.documents = Documents(stores.mongo_uri, stores.mongo_database, self.clock, self.ids)
        projectors = merged(
            [
                *PROJECTORS,
                medication_projectors(settings.zone),
                medication_following.PROJECTORS,
                billing_projector.projectors(settings.zone),
            ]
        )
        self.units = UnitsOfWork(self._engine, self.clock, self.ids, projectors, reached=reached)
        key = SigningKey(settings.jwt_secret.get_secret_value().encode())
        tokens = AccessTokens([key], self.clock)
        self._passwords = Passwords(
            settings.password_pepper.get_secret_value().encode(), cost=settings.password_cost
        )
        self._counters = make_redis(stores.redis_url)
        throttle = Throttle(counts_in(self._counters, stores.redis_prefix))
        self._states: dict[str, ReadState] = {}
        self.services = self._services(tokens, key, throttle)
        ipd_projector.follow(projectors, self.services.ipd.recount)
        projectors.setdefault(PatientDied, []).append(self.services.ipd.patient_died)
        for department in (self.services.notifications, self.services.pharmacy):
            for event, several in department.projectors().items():
                projectors.setdefault(event, []).extend(several)
        self.hub = Hub(self._live_engine, self.clock)
        redis = make_redis(stores.redis_url)
        self._bus = Bus(
            redis,
            self.hub.take,
            self.hub.wake,
            prefix=stores.redis_prefix,
            key=DerivedSecrets(key, "changes over Redis").of("").encode(),
        )
        self.hub.bus = self._bus
        self._trail = AccessTrail(self._engine, self.clock, self.ids)
        self._publisher = Publisher(self._live_engine, self.hub, self._bus)
        self.units.committed = self._publisher.committed
        self.principals = Principals(
            Gathered(self.services.identity.principals_of),
            lambda: self.hub.sweep_age() < FRESH_S,
            self.clock.now,
        )
        self.authenticate = Authentication(tokens, self.principals)
        self.realtime = self._realtime()
        self.vitals = Vitals(
            realtime=self.realtime,
            hub=self.hub,
            views=self.views,
            publisher=self._publisher,
            bus=self._bus,
            notes=Notes(redis, prefix=stores.redis_prefix),
        )
        self.web = self._web()
        self.durable_timers = durable_timers(self.units, self.services)
        self.housekeeping = Housekeeping(
            self._engine,
            self.clock,
            self.services.reporting,
            keep_months=self.settings.change_log_keep_months,
        )
        self.timers = self._timers()

    # --- wiring

    def _services(self, tokens: AccessTokens, key: SigningKey, throttle: Throttle) -> Services:
        identity = IdentityService(self.units, self.clock, self.ids, self._passwords, tokens, key, throttle)
        patients = PatientsService(
            self.units,
            self.documents,
            PlacesOfCare([wards_of_patient], [OpdService.clinics_of_patient]),
            {ContextKind.ADMISSION: patient_of_admission, ContextKind.VISIT: patient_of_visit},
        )
        zone, language = self.settings.zone, self.settings.facility_language
        gap_days = self.settings.on_call_gap_days
        notifications = NotificationsService(self.units, identity, zone, language, gap_days)
        beds = BedsService(self.units, patients, identity, notifications)
        lab = LabService(
            self.units,
            self.documents,
            patients,
            identity,
            notifications,
            zone,
            Night(*self.settings.lab_night),
            CriticalLimits(*(timedelta(minutes=each) for each in self.settings.lab_critical_minutes)),
            self.settings.facility_language,
            encounter_of,
        )
        billing = BillingService(self.units, patients, identity, zone, self.settings.facility_language)
        pharmacy = PharmacyService(
            self.units,
            patients,
            identity,
            notifications,
            billing,
            ward_of_inpatient,
            recorded_allergies,
            Facility(zone, self.settings.facility_language, self.settings.pharmacy_near_expiry_days),
        )
        asked = (lab.outstanding, pharmacy.outstanding, MedicationService.outstanding, billing.outstanding)
        opd = OpdService(self.units, patients, identity, zone)
        return Services(
            audit=AuditService(self.units, self._engine, self.clock),
            identity=identity,
            patients=patients,
            notifications=notifications,
            beds=beds,
            opd=opd,
            ipd=IpdService(self.units, beds, patients, zone, asked, self.settings.facility_language),
            lab=lab,
            pharmacy=pharmacy,
            boards=BoardsService(self.units, beds, opd, patients, identity, (lab, pharmacy), zone, language),
            medication=MedicationService(self.units, patients, identity, zone),
            billing=billing,
            reporting=ReportingService(
                self.units, identity, notifications, key, self._states, self.settings.webhook_allow
            ),
        )

    def _realtime(self) -> RealtimeServer:
        self.rooms = Rooms([kind for channel in CHANNELS for kind in channel.rooms(self.services)])
        self._states.update({kind.streams.name: kind.streams.read for kind in self.rooms.kinds.values()})
        self.views = Views(self.hub)
        subscriptions = Subscriptions(
            self._live_engine, self.hub, self.views, self.rooms, self._account_for_join
        )
        self.rights = Rights(self.hub, SessionAuthority(self.principals), subscriptions, self.clock)
        blackout = Blackout(self.hub, self.views)
        pulse = Pulse(self.hub, self.views, self.clock, watches=(self.rights.expire, blackout.check))
        realtime = RealtimeServer(
            subscriptions=subscriptions,
            broadcaster=self.views.broadcaster,
            rights=self.rights,
            pulse=pulse,
            authenticate=self.authenticate,
            address_of=client_address,
            limits=Limits(self.settings.sockets_per_principal, self.settings.sockets_per_address),
            fastpath=self.settings.fastpath,
        )
        realtime.mount(self._namespaces())
        return realtime

    def _web(self) -> web.Application:
        app = build_web(
            ROUTES,
            services=self.services,
            settings=WebSettings(
                allowed_origins=frozenset(origin.lower() for origin in self.settings.allowed_origins),
                trusted_proxies=networks(self.settings.trusted_proxies),
                rate_limit=self.settings.requests_per_minute,
                session_cookie="hms_session",
                metrics_folder=self.settings.prometheus_multiproc_dir,
            ),
            authenticate=RestAuthentication(self.authenticate, self.services.reporting),
            ready_checks={
                "postgres": self._ping_postgres,
                "mongo": self.documents.ping,
                "changes": self._check_sweep,
            },
            pages=[*PAGES, *asyncapi_routes(self.rooms, self._namespaces())],
        )
        app[VITALS] = self.vitals
        self.realtime.attach(app)
        add_screens(app)
        return app

    def _namespaces(self) -> dict[str, dict[str, SocketCommand]]:
        return {channel.NAMESPACE: channel.commands(self.services) for channel in CHANNELS}

    def _timers(self) -> Timers:
        orphans = OrphanSweep(self._engine, self.documents, self.clock, DOCUMENT_COLLECTIONS)
        timers = periodic(self.services, self.durable_timers)
        timers.every(10, "external readers", self._look_at_readers)
        timers.every(3600, "housekeeping", self.housekeeping.run)
        timers.every(3600, "orphaned documents", orphans.run)
        return timers

    async def _look_at_readers(self) -> None:
        self.vitals.readers = await self.services.reporting.readers()

    async def _account_for_join(self, who: Subscriber, room: str, audience: Audience) -> None:
        """A room that shows patients is an access like any other."""
        shown, detail = f"{who.namespace} {room}", {"audience": audience}
        access = Access(who.principal, "room.join", "room", shown, detail, who.address)
        await self._trail.account(access)

    async def _ping_postgres(self) -> None:
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def _check_sweep(self) -> None:
        if self.hub.sweep_age() > FRESH_S:
            raise HmsError(Code.UNAVAILABLE, "changes have not been swept lately")

    # --- life

    async def start(self) -> None:
        """Begin to sweep, listen, publish and beat. Raises if PostgreSQL is away."""
        await self.hub.start()
        self._bus.start()
        self._publisher.start()
        await self.rights.start()
        self.realtime.pulse.start()
        self.timers.start()
        self.vitals.start()
        keep_what_is_there()

    async def ready(self) -> bool:
        """True if every dependency answers; what ``/readyz`` tells."""
        return await self.web[READINESS].ready()

    def leave(self) -> None:
        """From now on not ready, so that proxies look elsewhere; all else goes on until :meth:`stop`."""
        self.web[READINESS].draining = True

    async def stop(self) -> None:
        """Stop timers, publish what waits, close the stores. Sockets are drained before."""
        await self.vitals.stop()
        await self.timers.stop()
        with suppress(HmsError):  # a database that is away keeps nobody from stopping
            await self.services.reporting.finish_refusals()
        await self.realtime.pulse.stop()
        await self._publisher.stop()
        await self._bus.stop()
        await self.hub.stop()
        await self.close()

    async def close(self) -> None:
        """Close the stores; all there is to do for a hospital that was never started."""
        self._passwords.close()
        self.documents.close()
        await self._counters.aclose()
        await self._live_engine.dispose()
        await self._engine.dispose()

    @property
    def engine(self) -> AsyncEngine:
        """The commands' engine, for tests that look at the tables themselves."""
        return self._engine


def merged(departments: Sequence[Any]) -> dict[type[Any], list[Projector]]:
    """All projectors by event, in the order of the departments."""
    found: dict[type[Any], list[Projector]] = defaultdict(list)
    for projectors in departments:
        for event, several in projectors.items():
            found[event].extend(several)
    return dict(found)
