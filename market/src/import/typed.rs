//! BCF's typed values (VCF 4.3, section 6.3.3), every access checked.

use super::refusal::{Checked, invalid};

const REMEDY: &str = "rewrite the file with `bcftools view -Ob`";

/// Bytes of a record part, read from the front.
pub(super) struct Cursor<'a>(&'a [u8]);

/// Atomic types by their code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Atom {
    Missing,
    Int8,
    Int16,
    Int32,
    Float,
    Char,
}

/// A vector of one atomic type.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    atom: Atom,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Checked<&'a [u8]> {
        let Some((taken, rest)) = self.0.split_at_checked(count) else {
            return invalid("a BCF record ends inside a value", REMEDY);
        };
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Checked<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn skip(&mut self, count: usize) -> Checked<()> {
        self.take(count).map(drop)
    }

    pub(super) fn u16(&mut self) -> Checked<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Checked<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A type descriptor: the atom and the number of values.
    fn descriptor(&mut self) -> Checked<(Atom, usize)> {
        let [descriptor] = self.array::<1>()?;
        let atom = match descriptor & 0x0f {
            0 => Atom::Missing,
            1 => Atom::Int8,
            2 => Atom::Int16,
            3 => Atom::Int32,
            5 => Atom::Float,
            7 => Atom::Char,
            other => return invalid(format!("{other} is not the code of a BCF type"), REMEDY),
        };
        // A count of 15 means that the count follows as a typed integer, whose own count is 1.
        let count = match usize::from(descriptor >> 4) {
            15 => match self.descriptor()? {
                (Atom::Missing | Atom::Float | Atom::Char, _) => return invalid("a count is not an integer", REMEDY),
                (atom, 1) => {
                    let bytes = self.take(atom.bytes())?;
                    let count = (Typed { atom, count: 1, bytes }).integer()?;
                    match usize::try_from(count) {
                        Ok(count) => count,
                        Err(_) => return invalid("a count is negative", REMEDY),
                    }
                }
                _ => return invalid("a count has several values", REMEDY),
            },
            count => count,
        };
        Ok((atom, count))
    }

    /// One value with its descriptor.
    pub(super) fn typed(&mut self) -> Checked<Typed<'a>> {
        self.series(1)
    }

    /// A descriptor followed by one such value to each sample.
    pub(super) fn series(&mut self, samples: usize) -> Checked<Typed<'a>> {
        let (atom, count) = self.descriptor()?;
        let bytes = self.take(atom.bytes().saturating_mul(count).saturating_mul(samples))?;
        Ok(Typed { atom, count, bytes })
    }

    /// Refuses left-over bytes.
    pub(super) fn finish(self) -> Checked<()> {
        if self.0.is_empty() { Ok(()) } else { invalid("a BCF record has bytes after its last value", REMEDY) }
    }
}

impl Atom {
    fn bytes(self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Int8 | Self::Char => 1,
            Self::Int16 => 2,
            Self::Int32 | Self::Float => 4,
        }
    }
}

impl<'a> Typed<'a> {
    /// Values to each sample.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The text of a character vector, empty when missing.
    pub(super) fn text(&self) -> Checked<&'a str> {
        match (self.atom, std::str::from_utf8(self.bytes)) {
            (Atom::Char | Atom::Missing, Ok(text)) => Ok(text.trim_end_matches('\0')),
            _ => invalid("a text is not of BCF's character type or not UTF-8", REMEDY),
        }
    }

    /// The one integer.
    pub(super) fn integer(&self) -> Checked<i32> {
        let integers = self.integers()?;
        let mut values = integers.values();
        match (values.next(), values.next()) {
            (Some(Some(value)), None) => Ok(value),
            _ => invalid("an integer is missing or not alone", REMEDY),
        }
    }

    /// The vector, if of integers or missing.
    pub(super) fn integers(&self) -> Checked<Integers<'a>> {
        match self.atom {
            Atom::Float | Atom::Char => invalid("integers are of another BCF type", REMEDY),
            Atom::Missing | Atom::Int8 | Atom::Int16 | Atom::Int32 => Ok(Integers(*self)),
        }
    }
}

/// A vector known to hold integers.
pub(super) struct Integers<'a>(Typed<'a>);

impl<'a> Integers<'a> {
    /// The values, with none for the end of a shorter vector; a missing value is its type's least number.
    pub(super) fn values(&self) -> impl Iterator<Item = Option<i32>> + use<'a> {
        let atom = self.0.atom;
        self.0.bytes.chunks_exact(atom.bytes().max(1)).map(move |chunk| match *chunk {
            [byte] => ended(i32::from(byte as i8), i32::from(i8::MIN)),
            [low, high] => ended(i32::from(i16::from_le_bytes([low, high])), i32::from(i16::MIN)),
            [a, b, c, d] => ended(i32::from_le_bytes([a, b, c, d]), i32::MIN),
            _ => None,
        })
    }

    /// Refuses a value that is negative or not known.
    pub(super) fn check_all(&self, known: impl Fn(usize) -> bool) -> Checked<()> {
        let sound = |value: Option<i32>| value.and_then(|value| usize::try_from(value).ok()).is_some_and(&known);
        if self.values().all(sound) { Ok(()) } else { invalid("a number is not in the header's dictionary", REMEDY) }
    }
}

/// The end-of-vector marker follows the missing marker, which is the least number.
fn ended(value: i32, least: i32) -> Option<i32> {
    (value != least + 1).then_some(value)
}
