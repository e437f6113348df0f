# Python 3.11.7 made tests/data/clinical/expected.json
"""The values that two mappings give, restated on the raw JSON without any of the market's code: run
`python tests/reference/clinical.py`. Numbers are decimal literals and fractions; ages are counted from year, month, day."""

import json
import pathlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "clinical"
ON = date(2020, 1, 1)


def load(folder):
    return {path.name: json.loads(path.read_text(), parse_float=Decimal) for path in sorted((ROOT / folder).glob("*.json"))}


def half_away(value):
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))


def completed_years(birth, then):
    return then.year - birth.year - ((then.month, then.day) < (birth.month, birth.day))


def day(text):
    return date.fromisoformat(text[:10])


def codes(concept):
    return {(coding.get("system"), coding["code"]) for coding in concept.get("coding", []) if "code" in coding}


def synthea():
    """The example mapping (market/src/import/clinical/mapping/example.toml), by patient id."""
    loinc, snomed = "http://loinc.org", "http://snomed.info/sct"
    people = {}
    for bundle in load("synthea").values():
        resources = [entry["resource"] for entry in bundle["entry"]]
        patient = next(found for found in resources if found["resourceType"] == "Patient")
        birth = day(patient["birthDate"])
        conditions = [found for found in resources if found["resourceType"] == "Condition" and day(found["onsetDateTime"]) <= ON]
        observations = [found for found in resources if found["resourceType"] == "Observation" and day(found["effectiveDateTime"]) <= ON]

        def ages(wanted):
            found = [c for c in conditions if codes(c["code"]) & {(snomed, code) for code in wanted}]
            return sorted(completed_years(birth, day(c["onsetDateTime"])) for c in found)

        def measured(code):
            series = []
            for observation in observations:
                for part in [observation, *observation.get("component", [])]:
                    if (loinc, code) in codes(part["code"]):
                        series.append((datetime.fromisoformat(observation["effectiveDateTime"]), part))
            return sorted(series, key=lambda pair: pair[0])

        hypertension = ages({"38341003", "59621000"})
        cholesterol = measured("2093-3")
        systolic = [part["valueQuantity"]["value"] for time, part in measured("8480-6") if time.date() > ON - timedelta(days=1095)]
        smoking = measured("72166-2")
        smokes = {"266919005": 0, "8517006": 1, "449868002": 2}
        people[patient["id"]] = {
            "age": completed_years(birth, ON),
            "sex": {"male": 1, "female": 2}[patient["gender"]],
            "hypertension": 1 if hypertension else 0,
            "hypertension_onset": hypertension[0] if hypertension else None,
            "seizures": 1 if ages({"128613002", "84757009"}) else None,
            "hba1c": None,
            # mg/dL → mmol/L: × 10 / 386.65
            "cholesterol": half_away(Fraction(cholesterol[-1][1]["valueQuantity"]["value"]) * 10 / Fraction("386.65") * 100) if cholesterol else None,
            "systolic": half_away(sum(map(Fraction, systolic)) / len(systolic)) if systolic else None,
            "smoking": smokes[smoking[-1][1]["valueCodeableConcept"]["coding"][0]["code"]] if smoking else None,
        }
    return people


def duration(text):
    """Years and months of an ISO 8601 duration, and days."""
    number, years, months, days = "", 0, 0, 0
    for letter in text[1:]:
        if letter.isdigit():
            number += letter
            continue
        if letter == "Y":
            years = int(number)
        elif letter == "M":
            months = int(number)
        else:
            days = int(number)
        number = ""
    return years, months, days


def phenopackets():
    """A mapping of rare-disease cases, by the packet's id; see the test that reads this."""
    people = {}
    for packet in load("phenopackets").values():
        subject = packet["subject"]
        last = subject.get("timeAtLastEncounter", {}).get("age")
        onsets = []
        for disease in packet.get("diseases", []):
            if disease["term"]["id"].startswith("OMIM:") and not disease.get("excluded", False):
                onsets.append(disease.get("onset", {}).get("age"))
        features = {found["type"]["id"]: not found.get("excluded", False) for found in packet.get("phenotypicFeatures", [])}
        values = {found["assay"]["id"]: found["value"]["quantity"] for found in packet.get("measurements", [])}

        def flag(term):
            return int(features[term]) if term in features else None

        # ng/dL → nmol/L: × 10 / g per mol; nmol/L stays
        testosterone = values.get("LOINC:2986-8")
        cortisol = values.get("LOINC:2143-6")
        people[packet["id"]] = {
            "sex": {"MALE": 1, "FEMALE": 2}.get(subject.get("sex")),
            "age": duration(last["iso8601duration"])[0] if last else None,
            "omim_onset": duration(onsets[0]["iso8601duration"])[0] if onsets and all(onsets) else None,
            "seizures": flag("HP:0001250"),
            "hyperpigmentation": flag("HP:0000953"),
            "estradiol_abnormal": flag("HP:0025133"),
            "deceased": {"ALIVE": 0}.get(subject.get("vitalStatus", {}).get("status")),
            "diabetes": next((int(not d.get("excluded", False)) for d in packet.get("diseases", []) if d["term"]["id"] == "MONDO:0005015"), None),
            "testosterone": half_away(Fraction(testosterone["value"]) * 10 / Fraction("288.42") * 100) if testosterone else None,
            "cortisol": half_away(Fraction(cortisol["value"])) if cortisol else None,
        }
    # Died on 28 March 2020, after the reference day.
    people["arbitrary.phenopacket.id"]["deceased"] = 0
    return people


def main():
    expected = {"synthea": synthea(), "phenopackets": phenopackets()}
    (ROOT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
