"""What medicine labels say in Ukrainian."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Приймати всередину {much}",
        Route.SUBLINGUAL: "Розсмоктувати під язиком {much}",
        Route.INHALED: "Вдихати {much}",
        Route.RECTAL: "Вводити в пряму кишку {much}",
        Route.TOPICAL: "Наносити на шкіру {much}",
        Route.TRANSDERMAL: "Наклеювати на шкіру {much}",
        Route.OPHTHALMIC: "Закапувати в око {much}",
        Route.OTIC: "Закапувати у вухо {much}",
        Route.NASAL: "Закапувати в ніс {much}",
        Route.OTHER: "Застосовувати {much}",
        **dict.fromkeys(INJECTED, "Вводити ін’єкційно {much}"),
    },
    once="одноразово",
    daily={
        "=1": "1 раз на день",
        "few": "{n} рази на день",
        "one": "{n} раз на день",
        "other": "{n} разів на день",
    },
    at="о {hours}",
    every={
        "=1": "щогодини",
        "one": "кожну {n} годину",
        "few": "кожні {n} години",
        "other": "кожні {n} годин",
    },
    as_needed={
        "=1": "за потреби, не більше 1 разу за 24 години",
        "one": "за потреби, не більше {n} разу за 24 години",
        "other": "за потреби, не більше {n} разів за 24 години",
    },
    lasting={
        "=1": "протягом 1 дня",
        "one": "протягом {n} дня",
        "other": "протягом {n} днів",
    },
    forms=(
        "таблетка",
        "капсула",
        "розчин",
        "суспензія",
        "ін’єкція",
        "інфузія",
        "краплі",
        "інгалятор",
        "пластир",
        "супозиторій",
        "крем",
        "порошок",
        "інше",
    ),
    lots="Серія {lots}, придатний до {until}",
    dispensed="Видано {on}, видав(ла): {by}",
    quantity="Кількість",
    joint=", ",
)
