//! Class names that files do not carry: the lists that a number of classes usually means.

/// Pascal VOC, in the order of its development kit.
const VOC: &str = "\
    aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,pottedplant,sheep,\
    sofa,train,tvmonitor";

/// COCO's 80 categories by the numbers 1 to 90 of its annotations; `N/A`, torchvision's word, for the ten numbers
/// without one.
const COCO: &str = "\
    person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,N/A,stop sign,\
    parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,N/A,backpack,umbrella,N/A,N/A,\
    handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,\
    tennis racket,bottle,N/A,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,\
    hot dog,pizza,donut,cake,chair,couch,potted plant,bed,N/A,dining table,N/A,N/A,toilet,N/A,tv,laptop,mouse,remote,\
    keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,N/A,book,clock,vase,scissors,teddy bear,hair drier,\
    toothbrush";

/// The name of a number that is no category.
pub(crate) const NONE: &str = "N/A";

/// The list for a network of `classes` classes, background included: VOC for 21, COCO's 80 for 81, all numbers up to 90
/// for 91, which stay 91: to leave the unused ones out would change every score through the softmax.
pub fn known(classes: usize) -> Option<Vec<String>> {
    let (names, gaps) = match classes {
        21 => (VOC, false),
        81 => (COCO, false),
        91 => (COCO, true),
        _ => return None,
    };
    Some(names.split(',').filter(|name| gaps || *name != NONE).map(String::from).collect())
}

/// The list, or numbers where there is none.
pub fn known_or_numbers(classes: usize) -> Vec<String> {
    known(classes).unwrap_or_else(|| (1..classes).map(|class| format!("class {class}")).collect())
}

/// The names in the lines of a text, without empty lines and without the background where that is the first, as other
/// projects list it.
pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    // Some editors put a byte order mark before the first line.
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
        assert_eq!(known(81).map(|names| names.len()), Some(80));
    }
}
