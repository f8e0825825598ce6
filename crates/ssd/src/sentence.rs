//! Clauses to sentences.

/// The clause of an error, which may follow the name of a file, as a sentence of its own.
pub fn sentence(clause: &str) -> String {
    let (first, rest) = clause.split_at(clause.chars().next().map_or(0, char::len_utf8));
    let stop = if clause.ends_with('.') { "" } else { "." };
    format!("{}{rest}{stop}", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_with_a_capital_and_ends_with_one_stop() {
        assert_eq!(sentence("it is damaged; fetch it again"), "It is damaged; fetch it again.");
        assert_eq!(sentence("élan."), "Élan.");
        assert_eq!(sentence(""), ".");
    }
}
