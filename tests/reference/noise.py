# The pinned privacy noise of `market/src/committee/noise.rs`, computed apart from the code: Python 3 alone.
#
# SHAKE256 (FIPS 202) gives the seed, ChaCha20 (RFC 8439's block, a 64-bit counter and the slot as 64-bit nonce) the bits,
# and the algorithms of Canonne, Kamath and Steinke (NeurIPS 2020, algorithms 1 to 3) the draws, in the order in which
# prio 0.18 takes bits: a uniform integer below n takes the bits of n from little-endian 32-bit words, whole words first,
# and the leading word shifted right; it is drawn again while it is not below n.

import hashlib, math, struct
from fractions import Fraction


def shake(tag, parts, length):
    data = b"".join(struct.pack("<Q", len(part)) + part for part in [tag, *parts])
    return hashlib.shake_256(data).digest(length)


class ChaCha20:
    def __init__(self, key, stream):
        self.key, self.stream, self.counter, self.buffer = struct.unpack("<8I", key), stream, 0, []

    def block(self):
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *self.key]
        start += [self.counter & 0xFFFFFFFF, self.counter >> 32, self.stream & 0xFFFFFFFF, self.stream >> 32]
        x = list(start)

        def quarter(a, b, c, d):
            for first, second, third, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[first] = (x[first] + x[second]) & 0xFFFFFFFF
                word = x[third] ^ x[first]
                x[third] = ((word << by) | (word >> (32 - by))) & 0xFFFFFFFF

        for _ in range(10):
            for columns in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
                quarter(*columns)
            for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                quarter(*diagonal)
        self.counter += 1
        return [(a + b) & 0xFFFFFFFF for a, b in zip(x, start)]

    def word(self):
        if not self.buffer:
            self.buffer = self.block()
        return self.buffer.pop(0)

    def below(self, bound):
        bits = bound.bit_length()
        whole, rest = divmod(bits, 32)
        while True:
            words = [self.word() for _ in range(whole + (rest > 0))]
            if rest:
                words[-1] >>= 32 - rest
            value = sum(word << (32 * place) for place, word in enumerate(words))
            if value < bound:
                return value


def bernoulli(gamma, rng):
    return 1 + rng.below(gamma.denominator) <= gamma.numerator


def bernoulli_exp1(gamma, rng):
    k = 1
    while bernoulli(gamma / k, rng):
        k += 1
    return k % 2 == 1


def bernoulli_exp(gamma, rng):
    for _ in range(math.floor(gamma)):
        if not bernoulli_exp1(Fraction(1), rng):
            return False
    return bernoulli_exp1(gamma - math.floor(gamma), rng)


def geometric_exp(gamma, rng):
    s, t = gamma.numerator, gamma.denominator
    while True:
        u = rng.below(t)
        if bernoulli_exp1(Fraction(u, t), rng):
            break
    v = 0
    while bernoulli_exp1(Fraction(1), rng):
        v += 1
    return (u + t * v) // s


def discrete_laplace(scale, rng):
    while True:
        negative = bernoulli(Fraction(1, 2), rng)
        value = geometric_exp(1 / scale, rng)
        if not (negative and value == 0):
            return -value if negative else value


def discrete_gaussian(sigma, rng):
    t = Fraction(math.floor(sigma) + 1)
    while True:
        y = discrete_laplace(t, rng)
        if bernoulli_exp((abs(y) - sigma**2 / t) ** 2 / (2 * sigma**2), rng):
            return y


def deviation(epsilon_milli, sensitivity_squared, parts):
    """In units of 1/1024, as `circuits/src/privacy.rs` rounds it."""
    billion, log = 10**9, 20_723_265_837
    epsilon = epsilon_milli * 10**6
    low, high = 0, epsilon
    while low < high:
        middle = (low + high + 1) // 2
        fits = middle <= epsilon and (epsilon - middle) ** 2 >= 4 * middle * log
        low, high = (middle, high) if fits else (low, middle - 1)
    return math.isqrt(sensitivity_squared * parts * billion * 2**20 // (2 * low) + 1) + 1


seed = shake(b"locus/v1/component-prf", [bytes([3] * 32), b"noise", b"name", b"\x01"], 32)
sigma = Fraction(deviation(1_000, 2, 1), 1024)
print([discrete_gaussian(sigma, ChaCha20(seed, slot)) for slot in range(12)])
