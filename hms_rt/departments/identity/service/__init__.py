"""The identity service: who works here, what they may do, and which screens hang on the walls."""

from hms_rt.departments.identity.service.accounts import Accounts
from hms_rt.departments.identity.service.changing_passwords import ChangingPasswords
from hms_rt.departments.identity.service.foundation import SignedIn
from hms_rt.departments.identity.service.gathered import Gathered
from hms_rt.departments.identity.service.principals import Principals
from hms_rt.departments.identity.service.screens import Screens
from hms_rt.departments.identity.service.signing_in import SigningIn
from hms_rt.departments.identity.service.throttle import Throttle, counts_in

__all__ = ["Gathered", "IdentityService", "Principals", "SignedIn", "Throttle", "counts_in"]


class IdentityService(SigningIn, Accounts, ChangingPasswords, Screens):
    """Everything identity offers, to the doors and to other departments."""
