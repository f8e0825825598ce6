//! Class names that files do not carry: the lists that everybody means by so many classes.

/// Pascal VOC, in the order of its development kit, which is that of the alphabet.
pub const VOC: [&str; 20] = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// COCO's 80 categories with the numbers that its annotations give them, 1 to 90: ten numbers are of no category.
pub const COCO: [(usize, &str); 80] = [
    (1, "person"),
    (2, "bicycle"),
    (3, "car"),
    (4, "motorcycle"),
    (5, "airplane"),
    (6, "bus"),
    (7, "train"),
    (8, "truck"),
    (9, "boat"),
    (10, "traffic light"),
    (11, "fire hydrant"),
    (13, "stop sign"),
    (14, "parking meter"),
    (15, "bench"),
    (16, "bird"),
    (17, "cat"),
    (18, "dog"),
    (19, "horse"),
    (20, "sheep"),
    (21, "cow"),
    (22, "elephant"),
    (23, "bear"),
    (24, "zebra"),
    (25, "giraffe"),
    (27, "backpack"),
    (28, "umbrella"),
    (31, "handbag"),
    (32, "tie"),
    (33, "suitcase"),
    (34, "frisbee"),
    (35, "skis"),
    (36, "snowboard"),
    (37, "sports ball"),
    (38, "kite"),
    (39, "baseball bat"),
    (40, "baseball glove"),
    (41, "skateboard"),
    (42, "surfboard"),
    (43, "tennis racket"),
    (44, "bottle"),
    (46, "wine glass"),
    (47, "cup"),
    (48, "fork"),
    (49, "knife"),
    (50, "spoon"),
    (51, "bowl"),
    (52, "banana"),
    (53, "apple"),
    (54, "sandwich"),
    (55, "orange"),
    (56, "broccoli"),
    (57, "carrot"),
    (58, "hot dog"),
    (59, "pizza"),
    (60, "donut"),
    (61, "cake"),
    (62, "chair"),
    (63, "couch"),
    (64, "potted plant"),
    (65, "bed"),
    (67, "dining table"),
    (70, "toilet"),
    (72, "tv"),
    (73, "laptop"),
    (74, "mouse"),
    (75, "remote"),
    (76, "keyboard"),
    (77, "cell phone"),
    (78, "microwave"),
    (79, "oven"),
    (80, "toaster"),
    (81, "sink"),
    (82, "refrigerator"),
    (84, "book"),
    (85, "clock"),
    (86, "vase"),
    (87, "scissors"),
    (88, "teddy bear"),
    (89, "hair drier"),
    (90, "toothbrush"),
];

/// What torchvision calls a number that is of no category.
pub(crate) const NONE: &str = "N/A";

/// The list for a network of `classes` classes, background counted: VOC for 21, COCO's 80 for 81, all numbers up to 90 for 91.
pub fn known(classes: usize) -> Option<Vec<String>> {
    match classes {
        21 => Some(VOC.map(String::from).into()),
        81 => Some(COCO.map(|(_, name)| name.to_owned()).into()),
        91 => {
            let mut names = vec![NONE.to_owned(); 90];
            for (number, name) in COCO {
                names[number - 1] = name.to_owned();
            }
            Some(names)
        }
        _ => None,
    }
}

/// The list, or numbers where there is none.
pub fn known_or_numbers(classes: usize) -> Vec<String> {
    known(classes).unwrap_or_else(|| (1..classes).map(|class| format!("class {class}")).collect())
}

/// The names in the lines of a text: empty ones go, and so does the background where it is the first, as other projects list it.
pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // Some editors put a mark before the first line.
    let trimmed = lines.into_iter().map(|line| line.trim_start_matches('\u{feff}').trim());
    let mut names: Vec<String> = trimmed.filter(|line| !line.is_empty()).map(String::from).collect();
    if names.first().is_some_and(|name| name.trim_matches('_').eq_ignore_ascii_case("background")) {
        names.remove(0);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_names_without_the_background() {
        assert_eq!(from_lines("\u{feff}BACKGROUND\r\n traffic light \n\ncat\n".lines()), ["traffic light", "cat"]);
        assert_eq!(
            from_lines(["__background__", "background noise", "", "background"]),
            ["background noise", "background"]
        );
    }

    #[test]
    fn coco_has_ten_numbers_of_no_category() {
        let names = known(91).unwrap_or_default();
        let unused: Vec<usize> = (1..=90).filter(|number| names[number - 1] == NONE).collect();
        assert_eq!(unused, [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]);
        assert_eq!((names[0].as_str(), names[89].as_str()), ("person", "toothbrush"));
        assert!(COCO.is_sorted_by_key(|(number, _)| *number));
    }
}
