//! Sorting, once for all lists: each kind of list with a sort of its own would be some 4 KiB of the page.

use std::cmp::Ordering;

/// The places `0..count` in the order that `compare` says; equal ones in their own.
pub(crate) fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
    places
}

/// A pair of neighbours in `places` of which `wrong` holds.
pub(crate) fn neighbours(places: &[usize], wrong: &dyn Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
    places.windows(2).map(|pair| (pair[0], pair[1])).find(|(a, b)| wrong(*a, *b))
}

/// Names in order, so that each is found quickly.
pub(crate) struct Names(Vec<usize>);

impl Names {
    /// Orders `count` things by what `name` calls them.
    pub(crate) fn new<'a>(count: usize, name: &dyn Fn(usize) -> &'a str) -> Self {
        Self(order(count, &|a, b| name(a).cmp(name(b))))
    }

    /// The first thing of a name. `name` is the same as before.
    pub(crate) fn find<'a>(&self, wanted: &str, name: &dyn Fn(usize) -> &'a str) -> Option<usize> {
        let place = self.0.partition_point(|thing| name(*thing) < wanted);
        self.0.get(place).copied().filter(|thing| name(*thing) == wanted)
    }

    /// A thing that has the name of another.
    pub(crate) fn twice<'a>(&self, name: &dyn Fn(usize) -> &'a str) -> Option<usize> {
        neighbours(&self.0, &|a, b| name(a) == name(b)).map(|(_, second)| second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_the_first_of_two() {
        let words = ["b", "a", "c", "a", ""];
        let name = |place: usize| words[place];
        let names = Names::new(words.len(), &name);
        assert_eq!(
            ["", "a", "b", "c", "d", "aa"].map(|word| names.find(word, &name)),
            [Some(4), Some(1), Some(0), Some(2), None, None]
        );
        assert_eq!(names.twice(&name), Some(3));
        assert_eq!(Names::new(3, &name).twice(&name), None);
    }
}
