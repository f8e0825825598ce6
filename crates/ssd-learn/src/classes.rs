//! Which classes of two detectors are the same, decided by their names.

/// Names that COCO and Pascal VOC give to the same thing.
const SAME: [(&str, &str); 6] = [
    ("airplane", "aeroplane"),
    ("couch", "sofa"),
    ("dining table", "diningtable"),
    ("motorcycle", "motorbike"),
    ("potted plant", "pottedplant"),
    ("tv", "tvmonitor"),
];

/// The place among `known` of each of `wanted`: the class of that name, or of the name that another data set gives it.
/// Capitals do not matter.
pub fn matched(wanted: &[String], known: &[String]) -> Vec<Option<usize>> {
    let known: Vec<String> = known.iter().map(|name| common(name)).collect();
    wanted.iter().map(|name| known.iter().position(|other| *other == common(name))).collect()
}

/// `labels` with the names that `wanted` have for the same classes, and the numbers of these classes, from 1 up.
pub fn renamed(labels: &[String], wanted: &[String]) -> (Vec<String>, Vec<usize>) {
    let (mut names, mut classes) = (labels.to_vec(), Vec::new());
    for (name, place) in wanted.iter().zip(matched(wanted, labels)) {
        if let Some(place) = place {
            names[place].clone_from(name);
            classes.push(place + 1);
        }
    }
    classes.sort_unstable();
    (names, classes)
}

/// One name for all that mean the same.
fn common(name: &str) -> String {
    let name = name.trim().to_lowercase();
    SAME.iter().find(|(_, other)| *other == name).map_or(name, |(first, _)| (*first).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
        names.map(String::from).to_vec()
    }

    #[test]
    fn classes_are_matched_by_name_and_by_the_names_of_other_data_sets() {
        let coco = names(["person", "motorcycle", "airplane", "couch", "tv", "potted plant", "dining table"]);
        let voc =
            names(["aeroplane", "Diningtable", "motorbike", "Person", "pottedplant", "sofa", "TVmonitor", "train"]);
        let places = [Some(2), Some(6), Some(1), Some(0), Some(5), Some(3), Some(4), None];
        assert_eq!(matched(&voc, &coco), places);
        // The other way round, and to themselves.
        let back = [Some(3), Some(2), Some(0), Some(5), Some(6), Some(4), Some(1)];
        assert_eq!(matched(&coco, &voc), back);
        assert!(matched(&voc, &voc).into_iter().eq((0..voc.len()).map(Some)));
    }

    #[test]
    fn classes_take_the_names_of_a_data_set_and_the_others_stay() {
        let (names_there, classes) = renamed(&names(["zebra", "tv", "couch"]), &names(["sofa", "tvmonitor", "bus"]));
        assert_eq!((names_there, classes), (names(["zebra", "tvmonitor", "sofa"]), vec![2, 3]));
    }

    #[test]
    fn no_name_stands_twice_in_the_table() {
        let mut all: Vec<&str> = SAME.iter().flat_map(|(a, b)| [*a, *b]).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    }
}
