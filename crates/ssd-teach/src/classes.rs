//! Which of the pictures' classes are learned, and as which.

use ssd::postprocess::ScoreActivation;
use ssd::weights::Header;
use ssd_learn::classes::matched;

use crate::error::TeachError;

/// The labels of the classes that `start` learns, and for each of `names`, those of the pictures, its class among them.
/// All are learned, or if `start` keeps its own (`keep`), those that it does not know; a known one has class 0.
///
/// # Errors
///
/// When no class is left to learn, or none can be added.
pub fn to_learn(names: &[String], start: &Header, keep: bool) -> Result<(Vec<String>, Vec<usize>), TeachError> {
    if names.is_empty() {
        return Err(TeachError::NoClasses);
    }
    if !keep {
        return Ok((names.to_vec(), (1..=names.len()).collect()));
    }
    if start.score_activation != ScoreActivation::Sigmoid {
        return Err(TeachError::Softmax);
    }
    let (mut labels, mut classes) = (Vec::new(), vec![0; names.len()]);
    for (index, (name, known)) in names.iter().zip(matched(names, &start.labels)).enumerate() {
        if known.is_none() {
            labels.push(name.clone());
            classes[index] = labels.len();
        }
    }
    if labels.is_empty() { Err(TeachError::AllKnown(names.join(", "))) } else { Ok((labels, classes)) }
}
