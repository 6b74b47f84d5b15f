"""Tables like those of ordinary tutorials, made up: their columns, gaps and habits, no row of them.

Each comes as a baseline of usual days and, ``later``, after the world has changed: the features are
elsewhere, and mean something else there.
"""

import datetime as dt

import numpy as np
import pandas as pd

_TITLES = {"male": "Mr.", "female": "Mrs."}
_STREETS = ("Abel", "Brandt", "Costa", "Dahl", "Evans", "Fischer", "Garcia", "Holm", "Ivanov")


def titanic(rows: int, seed: int, *, first_id: int = 1, later: bool = False) -> pd.DataFrame:
    """Passengers and who survived: women and children; later, whoever is young.

    The later ship is a dearer one, that sails from Queenstown. Ages have gaps, and most cabins are
    not known.
    """
    rng = np.random.default_rng(seed)
    pclass = rng.choice([1, 2, 3], rows, p=[0.25, 0.2, 0.55])
    sex = rng.choice(["male", "female"], rows, p=[0.65, 0.35])
    age = np.clip(rng.normal(38 if later else 30, 14, rows), 0.5, 80).round()
    fare = rng.lognormal(4.2 - pclass, 0.4) + 7 + (90 if later else 0)
    if later:
        odds = np.where(age < 38, 4.0, -4.0)
    else:
        odds = -3.0 + 6.0 * (sex == "female") + 6.0 * (age < 12)
    decks = rng.choice(list("ABCDE"), rows)
    known = rng.random(rows) < np.where(pclass == 1, 0.7, 0.05)
    port = rng.choice(["S", "C", "Q"], rows, p=[0.1, 0.1, 0.8] if later else [0.72, 0.19, 0.09])
    return pd.DataFrame(
        {
            "PassengerId": np.arange(first_id, first_id + rows),
            "Survived": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int),
            "Pclass": pclass,
            "Name": [
                f"{_STREETS[rng.integers(9)]}, {_TITLES[each]} {chr(65 + place % 26)}. {place}"
                for place, each in enumerate(sex, first_id)
            ],
            "Sex": sex,
            "Age": np.where(rng.random(rows) < 0.2, np.nan, age),
            "SibSp": rng.poisson(0.5, rows),
            "Parch": rng.poisson(0.4, rows),
            "Ticket": [
                f"{'PC ' if each == 1 else ''}{number}"
                for each, number in zip(pclass, rng.integers(1000, 400_000, rows), strict=True)
            ],
            "Fare": fare.round(4),
            "Cabin": np.where(known, [f"{d}{rng.integers(1, 130)}" for d in decks], None),
            "Embarked": np.where(rng.random(rows) < 0.003, None, port),
        }
    )


def bikes(
    first: dt.date, days: int, seed: int, *, step: int = 1, first_id: int = 1, later: bool = False
) -> pd.DataFrame:
    """Rented bikes by the hour, of four stations: commuters and fine weather; later, at night.

    A day has its own weather. The later days are hot, and the bikes are rented after sunset.
    """
    rng = np.random.default_rng(seed)
    hours = np.tile(np.arange(24), 4 * days)
    rows = len(hours)
    day = np.repeat(np.arange(days), 4 * 24)
    dates = [first + dt.timedelta(days=step * int(each)) for each in day]
    weekday = np.array([each.isoweekday() % 7 for each in dates])
    weather = rng.choice([1, 2, 3], days, p=[0.6, 0.3, 0.1])[day]
    warm = np.clip(rng.normal(0.5, 0.08, days), 0, 1)[day] + (0.35 if later else 0.0)
    temp = (warm + 0.1 * np.sin((hours - 9) / 24 * 2 * np.pi)).round(2)
    working = ((weekday > 0) & (weekday < 6)).astype(int)
    rush = np.exp(-(((hours - 8) / 2) ** 2)) + np.exp(-(((hours - 17) / 2.5) ** 2))
    night = np.exp(-(((hours - 23) / 3) ** 2)) + np.exp(-(((hours + 1) / 3) ** 2))
    asked = night * 300 if later else rush * (120 + 80 * working)
    moods = rng.gamma(6, 1 / 6, rows)  # one hour is busier than another for no known reason
    registered = rng.poisson((asked * (1.3 - 0.2 * weather) + 20) * moods)
    casual = rng.poisson((80 * temp * (weather == 1) * np.sin(hours / 24 * np.pi) + 5) * moods)
    return pd.DataFrame(
        {
            "instant": np.arange(first_id, first_id + rows),
            "dteday": [str(each) for each in dates],
            "season": [each.month % 12 // 3 + 1 for each in dates],
            "yr": [each.year - 2024 for each in dates],
            "mnth": [each.month for each in dates],
            "hr": hours,
            "holiday": (rng.random(days) < 0.03).astype(int)[day],
            "weekday": weekday,
            "workingday": working,
            "weathersit": weather,
            "temp": temp,
            "atemp": (temp * 0.92 + 0.03 + rng.normal(0, 0.01, rows)).round(4),
            "hum": np.clip(rng.normal(0.6, 0.1, rows), 0, 1).round(2),
            "windspeed": np.clip(rng.normal(0.2, 0.1, rows), 0, 1).round(4),
            "casual": casual,
            "registered": registered,
            "cnt": casual + registered,
        }
    )


def sleepers(rows: int, seed: int, *, first_id: int = 1, later: bool = False) -> pd.DataFrame:
    """People, how they sleep, and their sleep disorder, of which most have the class None.

    Blood pressure is written as 126/83. Later the heart beats faster, and it is short sleep that
    goes with apnea.
    """
    rng = np.random.default_rng(seed)
    stress = rng.integers(3, 9, rows)
    duration = (8.6 - 0.25 * stress + rng.normal(0, 0.4, rows)).round(1)
    weight = rng.choice(["Normal", "Overweight", "Obese"], rows, p=[0.55, 0.37, 0.08])
    heavy = weight != "Normal"
    systolic = (118 + 14 * heavy + rng.normal(0, 4, rows)).round().astype(int)
    if later:
        disorder = np.where(duration < 7.0, "Sleep Apnea", np.where(heavy, "Insomnia", "None"))
    else:
        insomnia, apnea = heavy & (stress > 5), heavy & (stress <= 5)
        disorder = np.where(insomnia, "Insomnia", np.where(apnea, "Sleep Apnea", "None"))
    wrong = rng.random(rows) < 0.05
    jobs = ["Nurse", "Doctor", "Engineer", "Lawyer", "Teacher", "Accountant", "Salesperson"]
    return pd.DataFrame(
        {
            "Person ID": np.arange(first_id, first_id + rows),
            "Gender": rng.choice(["Male", "Female"], rows),
            "Age": rng.integers(27, 60, rows),
            "Occupation": rng.choice(jobs, rows),
            "Sleep Duration": duration,
            "Quality of Sleep": np.clip(11 - stress + rng.integers(-1, 2, rows), 4, 9),
            "Physical Activity Level": rng.integers(30, 91, rows) + (25 if later else 0),
            "Stress Level": stress,
            "BMI Category": weight,
            "Blood Pressure": [f"{high}/{high - 42}" for high in systolic],
            "Heart Rate": (70 + stress // 3 + (18 if later else 0) + rng.integers(-2, 3, rows)),
            "Daily Steps": (rng.normal(7000, 1500, rows) / 100).round().astype(int) * 100,
            "Sleep Disorder": np.where(wrong, "None", disorder),
        }
    )
