//! What keeps a lesson from being given.

use ssd::weights::WeightsError;

/// A start or a class that cannot be taught.
#[derive(Debug, thiserror::Error)]
pub enum TeachError {
    /// The weights to start from are no detector, or the taught ones cannot be written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A network whose layers the CPU's loops do not know.
    #[error("its network cannot be computed on the CPU ({0}); start from another detector")]
    Network(String),
    /// No picture names a class.
    #[error("no picture has an object with a name, so there is nothing to learn; draw a box around one and name it")]
    NoClasses,
    /// There are no pictures to learn from.
    #[error("there are no pictures to learn from; add some")]
    NoPictures,
    /// All classes are old ones, which stay as they are.
    #[error(
        "it knows {0} already, and what it knows stays as it is; give your objects names of their own, or replace its \
         classes"
    )]
    AllKnown(String),
    /// The scores of all classes depend on each other.
    #[error(
        "nothing can be added to what it knows: its scores are shares of one softmax, so that a new class would change \
         all others; replace its classes, or start from a detector with sigmoid scores"
    )]
    Softmax,
    /// The optimiser left the numbers behind.
    #[error("the loss became {0} in step {1}; teach again with another seed or more pictures")]
    Diverged(f32, usize),
}
