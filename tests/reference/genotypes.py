#!/usr/bin/env python3
# Made tests/data/statistics/genotypes.json with Python 3.11, numpy 2.4.6, scipy 1.17.1, pandas 3.1.1, statsmodels 0.15.0.
"""Frequencies, Hardy-Weinberg tests, associations and scores of real people's genotypes, by scipy and statsmodels.

Run from the root of the repository. Exact Hardy-Weinberg p-values are sums of fractions; standard errors are by the
delta method with complex steps, both apart from the formulas that the product uses.
"""

import json
import pathlib
from fractions import Fraction
from math import factorial

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.contingency_tables import Table, Table2x2
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

HERE = pathlib.Path("tests/data/statistics")
SHARED = pathlib.Path("../shared/data")
MISSING = -1


def undefined(reason):
    return {"undefined": {"reason": reason}}


def estimate(value, error, lo, hi):
    return {"value": float(value), "standard_error": float(error), "interval": {"lo": float(lo), "hi": float(hi)}}


def test(statistic, degrees, p):
    return {"statistic": float(statistic), "degrees_of_freedom": [float(degrees)], "p_value": float(p)}


def share(successes, trials):
    p = successes / trials
    return estimate(p, np.sqrt(p * (1 - p) / trials), *proportion_confint(successes, trials, method="wilson"))


def delta(f, counts):
    """Standard error of a function of multinomial counts; derivatives by complex steps."""
    n = sum(counts)
    shares = np.array(counts, dtype=complex) / n
    gradient = [f(shares + 1e-30j * np.eye(len(counts))[i]).imag / 1e-30 for i in range(len(counts))]
    p = shares.real
    return float(np.sqrt(max(np.dot(np.square(gradient), p) - np.dot(gradient, p) ** 2, 0) / n))


def frequency(p):
    return p[1] / 2 + p[2]


def inbreeding(p):
    q = frequency(p)
    return 1 - p[1] / (2 * q * (1 - q))


def missing(row):
    return {"missingness": share(np.count_nonzero(row == MISSING), len(row))}


def minor(successes, trials):
    """Of the rarer allele; where the interval holds a half, either may be it, and the interval is that of both."""
    found = share(min(successes, trials - successes), trials)
    ends = found["interval"]
    return found | {"interval": {"lo": min(ends["lo"], 1 - ends["hi"]), "hi": min(ends["hi"], 0.5)}}


def expected_heterozygosity(successes, trials):
    """The frequency's, through 2p(1 - p): its error by complex steps over two kinds of alleles, and the second order."""
    f = lambda p: 2 * p[1] * (1 - p[1])
    lo, hi = share(successes, trials)["interval"].values()
    ends = [2 * p * (1 - p) for p in (lo, hi)]
    # The curvature is -4 everywhere: a normal p adds half of its square times the square of the frequency's variance.
    p = successes / trials
    error = np.sqrt(delta(f, [trials - successes, successes]) ** 2 + (4 * p * (1 - p) / trials) ** 2 / 2)
    return estimate(f([0, p]), error, min(ends), 0.5 if lo <= 0.5 <= hi else max(ends))


def exact(counts):
    """Exact p and mid-p: the sum of the fractions of all tables of these alleles that are no likelier."""
    n, alternate = sum(counts), counts[1] + 2 * counts[2]
    weights = {}
    for het in range(alternate % 2, min(alternate, 2 * n - alternate) + 1, 2):
        hom = (alternate - het) // 2
        denominator = factorial(het) * factorial(hom) * factorial(n - het - hom)
        weights[het] = Fraction(2**het, denominator)
    own, total = weights[counts[1]], sum(weights.values())
    below = sum(weight for weight in weights.values() if weight < own)
    ties = sum(weight for weight in weights.values() if weight == own)
    return float((below + ties) / total), float((below + ties / 2) / total)


def summary(counts):
    n = sum(counts)
    if n == 0:
        return {"called": {"value": 0}, "frequency": undefined("no_calls"), "inbreeding": undefined("no_calls")}
    alternate = counts[1] + 2 * counts[2]
    p = share(alternate, 2 * n)
    result = {
        "called": {"value": n},
        "alternate_alleles": {"value": alternate},
        "frequency": p,
        "observed_heterozygosity": share(counts[1], n),
        "minor_allele_frequency": minor(alternate, 2 * n),
        "expected_heterozygosity": expected_heterozygosity(alternate, 2 * n),
    }
    if alternate in (0, 2 * n):
        nothing = undefined("monomorphic")
        return result | {"inbreeding": nothing, "hardy_weinberg": {"exact": nothing, "mid_p": nothing, "chi_squared": nothing}}
    q = p["value"]
    f, error = inbreeding(np.array(counts) / n), delta(inbreeding, counts)
    half = stats.norm.ppf(0.975) * error
    expected = np.array([(1 - q) ** 2, 2 * q * (1 - q), q**2]) * n
    chi = stats.chisquare(counts, expected, ddof=1)
    p_exact, p_mid = exact(counts)
    return result | {
        "inbreeding": estimate(f, error, max(f - half, -1), min(f + half, 1)),
        "hardy_weinberg": {
            "exact": {"p_value": p_exact},
            "mid_p": {"p_value": p_mid},
            "chi_squared": test(chi.statistic, 1, chi.pvalue),
        },
    }


def odds_ratio(table):
    if np.min(table) == 0:
        return undefined("empty_cell")
    two = Table2x2(np.array(table, dtype=float), shift_zeros=False)
    return estimate(two.oddsratio, two.oddsratio * two.log_oddsratio_se, *two.oddsratio_confint(0.05))


def chi_squared(table):
    table = np.array(table)[:, np.sum(table, axis=0) > 0]
    if table.shape[1] < 2:
        return undefined("monomorphic")
    result = stats.chi2_contingency(table, correction=False)
    return test(result.statistic, result.dof, result.pvalue)


def trend(cases, controls):
    """N·r² of status and copies; statsmodels' test has the variance of permutations, with N − 1."""
    both, n = np.array([cases, controls]), sum(cases) + sum(controls)
    if np.count_nonzero(both.sum(axis=0)) < 2:
        return undefined("monomorphic")
    copies = np.repeat([0, 1, 2, 0, 1, 2], both.ravel())
    status = np.repeat([1, 1, 1, 0, 0, 0], both.ravel())
    statistic = n * np.corrcoef(copies, status)[0, 1] ** 2
    permuted = Table(both, shift_zeros=False).test_ordinal_association(np.array([0, 1]), np.array([0, 1, 2]))
    assert np.isclose(permuted.zscore**2 * n / (n - 1), statistic, rtol=1e-9, atol=1e-12)
    return test(statistic, 1, stats.chi2.sf(statistic, 1))


def association(cases, controls):
    alleles = [[group[1] + 2 * group[2], group[1] + 2 * group[0]] for group in (cases, controls)]
    dominant = [[group[1] + group[2], group[0]] for group in (cases, controls)]
    recessive = [[group[2], group[0] + group[1]] for group in (cases, controls)]
    return {
        "allelic_test": chi_squared(alleles),
        "allelic_odds_ratio": odds_ratio(alleles),
        "trend_test": trend(cases, controls),
        "genotypic_test": chi_squared([cases, controls]),
        "dominant_odds_ratio": odds_ratio(dominant),
        "recessive_odds_ratio": odds_ratio(recessive),
    }


def scan(cases, controls, kept):
    """Associations of the variants kept, corrected over all."""
    found = [association(*pair) for pair in zip(cases, controls)]
    tested = [result for result in found if "p_value" in result["trend_test"]]
    p_values = np.array([result["trend_test"]["p_value"] for result in tested])
    for name, method in (("bonferroni", "bonferroni"), ("benjamini_hochberg", "fdr_bh")):
        for result, p in zip(tested, multipletests(p_values, method=method)[1]):
            result[name] = float(p)
    statistics = [result["trend_test"]["statistic"] for result in tested]
    m, ranks = len(tested), np.arange(1, len(tested) + 1)
    logarithm = lambda p: -np.log10(p)
    bands = [logarithm(stats.beta.ppf(p, ranks, m + 1 - ranks)) for p in (0.975, 0.025)]
    columns = zip(logarithm(ranks / (m + 1)), logarithm(np.sort(p_values)), *bands)
    points = [
        {"expected": float(e), "observed": float(o), "band": {"lo": float(lo), "hi": float(hi)}}
        for e, o, lo, hi in columns
    ]
    return {
        "tested": m,
        "inflation": float(np.median(statistics) / stats.chi2.ppf(0.5, 1)),
        "variants": {str(index): found[index] for index in kept},
        "quantiles": {str(index): points[index] for index in range(0, m, max(m // 40, 1))},
    }


def genotype_counts(dosages):
    return [int(np.count_nonzero(dosages == copies)) for copies in range(3)]


def study(dosages, cases, controls, kept):
    """`dosages` has a row for each variant and a column for each person."""
    return {
        "summary": {str(index): summary(genotype_counts(dosages[index])) for index in kept},
        "scan": scan(
            [genotype_counts(row[cases]) for row in dosages], [genotype_counts(row[controls]) for row in dosages], kept
        ),
    }


def bed(path, people):
    """PLINK 1 binary genotypes, SNP-major: copies of the first allele of the .bim file."""
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    assert data[:3].tolist() == [0x6C, 0x1B, 1]
    rows = data[3:].reshape(-1, -(-people // 4))
    codes = (rows[:, :, None] >> np.array([0, 2, 4, 6], dtype=np.uint8)) & 3
    return np.array([2, MISSING, 1, 0])[codes.reshape(len(rows), -1)[:, :people]]


def copies(call, allele):
    alleles = call.split(":")[0].replace("|", "/").split("/")
    return MISSING if "." in alleles else alleles.count(str(allele))


def vcf(path):
    """People's names and, for each alternate allele, its site and everybody's copies."""
    lines = [line.rstrip("\n").split("\t") for line in open(path) if not line.startswith("##")]
    for line in lines[1:]:
        for number, alternate in enumerate(line[4].split(","), 1):
            site = (line[0], int(line[1]), line[3], alternate)
            yield site, np.array([copies(call, number) for call in line[9:]])


def names(path):
    return next(line for line in open(path) if line.startswith("#CHROM")).split()[9:]


def regenie():
    status = pd.read_csv(HERE / "regenie/phenotype_bin.txt", sep=" ")["Y1"].to_numpy()
    dosages = bed(HERE / "regenie/example.bed", len(status))
    return study(dosages, status == 1, status == 0, range(0, len(dosages), 8))


def hail():
    path = HERE / "hail/regressionLogistic.vcf"
    status = pd.read_csv(HERE / "hail/regressionLogistic.pheno", sep="\t", index_col="Sample")["Pheno"]
    status = status.reindex(names(path)).to_numpy()
    dosages = np.array([row for _, row in vcf(path)])
    return study(dosages, status == 2, status == 1, range(len(dosages)))


def complement(base):
    return {"A": "T", "T": "A", "C": "G", "G": "C"}[base]


def demo():
    """1000 Genomes: summaries by variant's name, and scores by sex with weights in several spellings."""
    path = pathlib.Path("tests/data/demo/genomes.vcf")
    people = pd.read_csv("tests/data/demo/attributes.csv", index_col="sample").reindex(names(path))
    groups = [(people["sex"] == sex).to_numpy() for sex in (1, 2)]
    variants = [(site, row) for site, row in vcf(path) if set("".join(site[2:])) <= set("ACGT")]
    called = [(site, row) for site, row in variants if len(site[2]) == len(site[3]) == 1]
    named = {f"{site[0]}:{site[1]} {site[2]}>{site[3]}": summary(genotype_counts(row)) | missing(row) for site, row in called[::23]}
    given = pd.read_csv(SHARED / "gwas/hail/skat.weights", sep="\t").drop_duplicates("locus").set_index("locus")["weight"]
    weights, scores, variances = [], np.zeros(len(people)), [0.0, 0.0]
    sites = [(site, row) for site, row in called if MISSING not in row and f"{site[0]}:{site[1]}" in given.index]
    seen = set()
    for index, ((chrom, pos, reference, alternate), row) in enumerate(sites):
        if pos in seen:
            continue
        seen.add(pos)
        weight = float(given[f"{chrom}:{pos}"]) - 0.5
        effect, other, dosage = (alternate, reference, row) if index % 3 else (reference, alternate, 2 - row)
        if index % 5 == 0 and complement(effect) != other:
            effect, other = complement(effect), complement(other)
        weights.append({"chrom": f"chr{chrom}" if index % 8 else chrom, "pos": pos, "effect_allele": effect, "other_allele": other, "weight": weight})
        scores += weight * dosage
        for place, group in enumerate(groups):
            variances[place] += weight**2 * np.var(row[group], ddof=1) / np.count_nonzero(group)
    score = []
    for group, variance in zip(groups, variances):
        half = stats.norm.ppf(0.975) * np.sqrt(variance)
        mean = scores[group].mean()
        score.append({"mean": estimate(mean, np.sqrt(variance), mean - half, mean + half)})
    return {"summary": named, "weights": weights, "score": score}


def sgkit():
    table = pd.read_csv(HERE / "sgkit/hwe_sim_01.csv")
    rows = table[["n_hom_1", "n_het", "n_hom_2"]].to_numpy().tolist()
    return [summary(row) for row in rows if sum(row) < 4000]


def main():
    values = {"regenie": regenie(), "hail": hail(), "demo": demo(), "sgkit": sgkit()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    (HERE / "genotypes.json").write_text(f"{{\n{lines}\n}}\n")


main()
