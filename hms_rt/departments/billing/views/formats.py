"""Numbers, amounts, dates and times as the facility's language writes them. Decimals stay decimals."""

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import NumberPattern

from hms_rt.kernel.money import Currency


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes; amounts have exactly the places of ``currency``, times are those of ``zone``.

    The places come from the currency, not from the language's own table of currencies: paper and database
    agree. Digits are 0 to 9 in every language, as in bar codes, lots and record numbers; Arabic text keeps
    the marks of direction that order signs and currencies.
    """

    language: str
    zone: tzinfo
    currency: Currency

    @property
    def locale(self) -> Locale:
        """The language; English where nobody has heard of it."""
        try:
            return Locale.parse(self.language)
        except (UnknownLocaleError, ValueError):
            return Locale.parse("en")

    def amount(self, value: Decimal) -> str:
        """An amount without the currency: ``1.234,50``."""
        return self._written(self.locale.decimal_formats[None], self.currency.rounded(value), self._places)

    def money(self, value: Decimal) -> str:
        """An amount with the currency, where the language puts it: ``1.234,50 €``."""
        pattern = self.locale.currency_formats["standard"]
        return self._written(pattern, self.currency.rounded(value), self._places, self.currency.code)

    def quantity(self, value: Decimal) -> str:
        """As many places as it has, up to four."""
        return self._written(self.locale.decimal_formats[None], value, (0, 4))

    def unit_price(self, value: Decimal) -> str:
        """At least the currency's places; a unit price is finer."""
        return self._written(self.locale.decimal_formats[None], value, (self.currency.scale, 6))

    def rate(self, value: Decimal) -> str:
        """Per cent: ``19,5 %``."""
        return self._written(self.locale.percent_formats[None], value / 100, (0, 3))

    def day(self, value: date) -> str:
        """A date."""
        return format_date(value, "medium", locale=self.locale)

    def moment(self, value: datetime) -> str:
        """Date and time by the hospital's clocks."""
        return format_datetime(value.astimezone(self.zone), "medium", locale=self.locale)

    @property
    def _places(self) -> tuple[int, int]:
        return (self.currency.scale, self.currency.scale)

    def _written(
        self, pattern: NumberPattern, value: Decimal, places: tuple[int, int], currency: str | None = None
    ) -> str:
        fitting = copy(pattern)
        fitting.frac_prec = places
        shown = str(fitting.apply(value, self.locale, currency=currency, currency_digits=False))
        if self.locale.text_direction == "rtl":
            # CLDR's sign, which stays before the digits; Babel writes a bare one, which would go behind them
            shown = shown.replace("\u200e-", "-").replace("-", "\u200e-")
        return shown
