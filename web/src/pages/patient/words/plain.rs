//! What makes a text plain: no words of the trade, short sentences and a low grade. The tests of the words and those that look at
//! the pages in a browser go by it.

/// Words of the trade, which need explaining and so stand behind a tap. One of letters alone is a whole word, in any case and
/// with an s or without; another is looked for as it stands.
pub(crate) const TRADE: [&str; 21] = [
    "ciphertext",
    "cohort",
    "commit",
    "commitment",
    "consent",
    "differential",
    "epoch",
    "epsilon",
    "issuer",
    "leaf",
    "ledger",
    "nullifier",
    "queries",
    "query",
    "schema",
    "screening",
    "transaction",
    "zero-knowledge",
    "ε",
    "ρ",
    "--",
];
/// The longest sentence, in words.
pub(crate) const WORDS_MAX: usize = 25;
/// The highest grade of a page. Who is twelve is in the sixth or the seventh.
pub(crate) const GRADE_MAX: f64 = 6.0;

/// The first word of the trade in a text.
pub(crate) fn of_the_trade(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let is_said = |word: &&'static str| {
        if !word.chars().all(char::is_alphabetic) {
            return text.contains(*word);
        }
        let mut said = text.split(|letter: char| !letter.is_alphabetic());
        said.any(|one| one == *word || one.strip_suffix('s') == Some(*word))
    };
    TRADE.into_iter().find(|word| is_said(word))
}

/// Whether a word is the last of its sentence.
fn ends(word: &str) -> bool {
    word.trim_end_matches(['”', '"', ')']).ends_with(['.', '?', '!'])
}

/// The sentences of a text, word by word. A line ends one too: titles and rows of lists have no full stop.
fn sentences(text: &str) -> Vec<Vec<&str>> {
    let mut all = vec![];
    for line in text.lines() {
        let mut sentence = vec![];
        for word in line.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)) {
            sentence.push(word);
            if ends(word) {
                all.push(std::mem::take(&mut sentence));
            }
        }
        all.push(sentence);
    }
    all.retain(|sentence| !sentence.is_empty());
    all
}

/// The first sentence of a text that is too long.
pub(crate) fn too_long(text: &str) -> Option<String> {
    sentences(text).into_iter().find(|sentence| sentence.len() > WORDS_MAX).map(|sentence| sentence.join(" "))
}

/// The school grade at which a text can be read, by the Automated Readability Index (E. A. Smith and R. J. Senter, AMRL-TR-66-220,
/// 1967): it goes by letters of a word and words of a sentence, and needs no guess at syllables. Only sentences with an end
/// count, since titles and labels would make any text look easy, and no word with a digit, since ids and amounts are not read.
/// Nothing for a text without a sentence.
pub(crate) fn grade(text: &str) -> Option<f64> {
    let (mut letters, mut words, mut ended) = (0_u32, 0_u32, 0_u32);
    for sentence in sentences(text).iter().filter(|sentence| sentence.last().is_some_and(|last| ends(last))) {
        ended += 1;
        for word in sentence.iter().filter(|word| !word.contains(char::is_numeric)) {
            words += 1;
            letters += word.chars().map(|letter| u32::from(letter.is_alphabetic())).sum::<u32>();
        }
    }
    let (letters, words, ended) = (f64::from(letters), f64::from(words), f64::from(ended));
    (words > 0.0).then(|| 4.71 * (letters / words) + 0.5 * (words / ended) - 21.43)
}
