"""What medicine labels say in Russian."""

from hms_rt.departments.pharmacy.model.formulary import Route
from hms_rt.departments.pharmacy.views.speech.words import INJECTED, Words

WORDS = Words(
    by_route={
        Route.ORAL: "Принимать внутрь {much}",
        Route.SUBLINGUAL: "Рассасывать под языком {much}",
        Route.INHALED: "Вдыхать {much}",
        Route.RECTAL: "Вводить в прямую кишку {much}",
        Route.TOPICAL: "Наносить на кожу {much}",
        Route.TRANSDERMAL: "Наклеивать на кожу {much}",
        Route.OPHTHALMIC: "Закапывать в глаз {much}",
        Route.OTIC: "Закапывать в ухо {much}",
        Route.NASAL: "Закапывать в нос {much}",
        Route.OTHER: "Применять {much}",
        **dict.fromkeys(INJECTED, "Вводить инъекционно {much}"),
    },
    once="однократно",
    daily={
        "=1": "1 раз в день",
        "few": "{n} раза в день",
        "other": "{n} раз в день",
    },
    at="в {hours}",
    every={
        "=1": "каждый час",
        "one": "каждый {n} час",
        "few": "каждые {n} часа",
        "other": "каждые {n} часов",
    },
    as_needed={
        "=1": "при необходимости, не более 1 раза за 24 часа",
        "one": "при необходимости, не более {n} раза за 24 часа",
        "other": "при необходимости, не более {n} раз за 24 часа",
    },
    lasting={
        "=1": "в течение 1 дня",
        "one": "в течение {n} дня",
        "other": "в течение {n} дней",
    },
    forms=(
        "таблетка",
        "капсула",
        "раствор",
        "суспензия",
        "инъекция",
        "инфузия",
        "капли",
        "ингалятор",
        "пластырь",
        "суппозиторий",
        "крем",
        "порошок",
        "другое",
    ),
    lots="Серия {lots}, годен до {until}",
    dispensed="Выдано {on}, выдал(а): {by}",
    quantity="Количество",
    joint=", ",
)
