"""What the API answers: its public shapes. They may only be added to within `/api/v1`.

Times are RFC 3339 in UTC. Nothing here holds a secret or a hash of one, except `IssuedToken` and
`Invitation`, which are answered once and never again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from doorward.administrator.credentials.assurance import Refusal
from doorward.model.decision import ReasonCode, RemedyKind
from doorward.model.estate import Action, Source
from doorward.model.identity import Authority, Method


class View(BaseModel):
    """An answer; built from the model's value of the same field names."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class DecisionView(View):
    """One line of the decision log; `seq` is its place in the store, for paging."""

    seq: int
    id: str
    at: datetime
    gateway: str
    source: Literal["engine", "ticket", "stream"]
    decision: str
    outcome: Literal["allow", "deny"]
    reason: ReasonCode
    snapshot: int
    policies: tuple[str, ...]
    subject: str
    session: str
    device: str
    resource: str
    action: str
    method: str
    path: str
    address: str
    country: str
    networks: tuple[str, ...]
    latency_us: int


class DecisionPage(View):
    """Decisions, newest first; `before` asks for the next older page, None at the end."""

    decisions: tuple[DecisionView, ...]
    before: int | None


class PolicyView(View):
    """A Cedar policy as it is now; `text` is None where it is gone since."""

    id: str
    text: str | None
    description: str
    file: str
    line: int


class RemedyView(View):
    """Something the subject could have done to be let in, and the same in words."""

    kind: RemedyKind
    until: datetime | None
    target: str
    text: str


class DecisionDetail(DecisionView):
    """Why a decision was what it was.

    `facts` is what the policies saw; `policy_texts` are the deciding policies as they are now;
    a decision with source `ticket` repeats the facts of the decision it reused.
    """

    title: str
    explanation: str
    policy_texts: tuple[PolicyView, ...]
    facts: dict[str, JsonValue]
    remedies: tuple[RemedyView, ...]


class SessionView(View):
    """One sign-in of one person; `provider` is the identity provider that vouched, if any.

    `device` is the device that it was begun on, and good on alone; empty for none.
    `authenticated_at` is 1970 where that one did not say when it saw the person.
    """

    id: str
    user: str
    provider: str
    started_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    methods: tuple[Method, ...]
    phishing_resistant: bool
    multi_factor: bool
    address: str
    user_agent: str
    risk: int
    aal: int
    device: str


class UserView(View):
    """A person and what signals say of them. `sessions` counts the live ones.

    `asserted_groups` are those that identity providers put the person into, beside their own.
    `source` says who declares them: the estate's files, or a directory by SCIM; `disabled_by` who
    keeps them out: those who run doorward, that directory, or a transmitter of signals. `ial` is
    the identity assurance level in force, until `ial_until`; `left` says that they were offboarded.
    """

    id: str
    name: str
    email: str
    groups: tuple[str, ...]
    asserted_groups: tuple[str, ...]
    roles: tuple[str, ...]
    disabled: bool
    risk: int
    reason: str
    sessions: int
    source: Source = "estate"
    disabled_by: tuple[Authority, ...] = ()
    ial: int
    ial_until: datetime | None
    left: bool


class PasskeyView(View):
    """A passkey: nothing of it is secret. `aal` is what using it reaches (SP 800-63B).

    It is 0 where the estate's list of authenticators does not take it, and `refused` says why.
    """

    id: str
    name: str
    aaguid: str
    attested: bool
    backup_eligible: bool | None
    backed_up: bool
    aal: int
    refused: Refusal
    created_at: datetime
    last_used_at: datetime | None


class NoticeAddressView(View):
    """A further address for notices about the account; it signs nobody in."""

    address: str
    confirmed_at: datetime


class CredentialsView(View):
    """By what a person can sign in. `password` stands for one with TOTP beside it.

    `password_off` says that it signs nobody in, after too many failed attempts in a row.
    `notice_address` is told of changes to these beside the estate's address.
    """

    passkeys: int
    password: bool
    password_off: bool
    recovery_codes: int
    passkey_list: tuple[PasskeyView, ...]
    notice_address: NoticeAddressView | None


class RecoveryView(View):
    """A request for recovery that somebody has to decide. The code is not here: it is read out."""

    id: str
    user: str
    name: str
    requested_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    tries_left: int


class DecidedRecoveryView(View):
    """Whose request was decided, and how."""

    user: str
    approved: bool


class DeviceView(View):
    """An enrolled device. `healthy` is None while unknown; `suspended` is why it counts as none."""

    id: str
    owner: str
    name: str
    platform: str
    key: str
    suspended: str
    healthy: bool | None
    risk: int
    reason: str


class TokenView(View):
    """A service token, without its secret."""

    id: str
    service: str
    resources: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime


class ActionRuleView(View):
    """One line of a resource's table from method and path to action."""

    path: str
    action: Action
    methods: tuple[str, ...]


class ResourceView(View):
    """Something behind the gateway. `policies` are those that name it."""

    id: str
    name: str
    host: str
    upstream: str
    label: str
    sensitivity: int
    owner: str
    protocol: str
    timezone: str
    description: str
    rules: tuple[ActionRuleView, ...]
    policies: tuple[str, ...]


class AuditView(View):
    """One administrative act."""

    seq: int
    at: datetime
    actor: str
    act: str
    target: str
    detail: dict[str, str]
    previous: str
    hash: str


class GatewayView(View):
    """A connected gateway and the snapshot it enforces."""

    id: str
    connected_at: datetime
    applied: int
    parts: dict[str, str]
    open_streams: int
    spool_bytes: int


class StatusView(View):
    """The control plane and its gateways. `ok` where every part of each is, and none lags."""

    ok: bool
    version: str
    snapshot: int
    at: datetime
    gateways: tuple[GatewayView, ...]
    problems: tuple[str, ...]


class EffectView(View):
    """What came of a change: its snapshot, and whether every connected gateway enforces it."""

    number: int
    enforced: bool


class AuditVerdictView(View):
    """Whether the audit log is as it was written; if not, `problem` at entry `seq`."""

    intact: bool
    entries: int
    seq: int | None
    problem: str


class IssuedTokenView(TokenView):
    """A new service token. `bearer` is answered once and stored nowhere."""

    bearer: str
    effect: EffectView


class InvitationView(View):
    """An invitation. `link` holds its secret, works once, and is answered once."""

    link: str
    expires_at: datetime


class EnrolmentCodeView(View):
    """A code for `doorward agent enrol --ask-code`. It works once, and is answered once."""

    code: str
    expires_at: datetime


class DifferenceView(View):
    """A field of a document, before and after."""

    field: str
    before: JsonValue
    after: JsonValue


class StepView(View):
    """One document of the estate that is added, changed or removed."""

    act: Literal["add", "change", "remove"]
    kind: str
    id: str
    differences: tuple[DifferenceView, ...]


class ShutOutView(View):
    """Whom another list of authenticators, or of providers, shuts out.

    So many `passkeys` of `people` no longer sign in; `no_way` could not sign in at all. So many
    sessions end for their passkey, and so many lose the AAL that they no longer have.
    """

    passkeys: int
    people: tuple[str, ...]
    no_way: tuple[str, ...]
    ended: int
    lowered: int


class PlanView(View):
    """What applying an estate would change; no steps where nothing would."""

    steps: tuple[StepView, ...]
    shut_out: ShutOutView


class AppliedView(PlanView):
    """What applying an estate changed, and its effect."""

    effect: EffectView


class SourceProblem(View):
    """One error in a file of the estate."""

    code: str
    detail: str
    remedy: str
    file: str
    line: int


class Problem(View):
    """RFC 9457. `remedy` says what to do; `errors` is all that is wrong with an estate."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str = ""
    errors: tuple[SourceProblem, ...] | None = None
