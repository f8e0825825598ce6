//! One batch on several devices: each computes the gradients of its share, and the main device adds them up.
//!
//! Makes no step; only the main device keeps weights between steps, so a run can be resumed with any number of devices.
//!
//! The loss of a share is divided by the positives of the whole batch, and hard negatives are mined per picture, so
//! loss and gradient sum up to those of the batch on one device, up to rounding. Only batch norm uses the statistics of
//! its share, as in PyTorch's DistributedDataParallel; the running statistics are those of the main device's share.
//!
//! Between devices everything passes through host memory: Burn's all-reduce exists for CUDA alone, and its transfer
//! between two remote devices has one server dial the other, at an address that only the client need know.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData, Transaction};
use ssd::Ssd;
use ssd::loss::MultiBox;
use ssd_learn::{BatchGradients, HostBatch, Local};

use crate::device::open::OpenDevice;

/// Consecutive shares, the main device's and one for each of the others, larger ones first; the last may be empty.
fn shares(mut batch: HostBatch, devices: usize) -> (HostBatch, Vec<HostBatch>) {
    let (numbers, priors) = (3 * batch.size * batch.size, batch.classes.len() / batch.images.max(1));
    // From the end, so that the rest need not be moved.
    let mut shares: Vec<HostBatch> = (1..devices)
        .rev()
        .map(|device| {
            // Of the part of the batch for this device and those before it.
            let images = batch.images / (device + 1);
            let first = batch.images - images;
            batch.images = first;
            HostBatch {
                images,
                size: batch.size,
                pixels: batch.pixels.split_off(first * numbers),
                classes: batch.classes.split_off(first * priors),
                offsets: batch.offsets.split_off(first * priors * 4),
                positives: batch.positives,
            }
        })
        .collect();
    shares.reverse();
    (batch, shares)
}

/// A device that failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{device} failed in the middle of a step ({reason}); the last checkpoint is intact, continue with --resume once \
     the device is back, or without it"
)]
pub struct LostReplica {
    /// The device's name.
    device: String,
    /// Its runtime's reason.
    reason: String,
}

/// The devices besides the main one, each with a thread that lives as long as this.
#[derive(Debug, Default)]
pub struct Replicas(Vec<Worker>);

impl Replicas {
    /// One for each of `devices`, with the loss that `loss` makes for it; usually there are none, at no cost.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub fn new(devices: Vec<OpenDevice>, loss: impl Fn(&Device) -> MultiBox) -> std::io::Result<Self> {
        let start = |opened: OpenDevice| {
            let loss = loss(&opened.device);
            Worker::start(opened, loss)
        };
        devices.into_iter().map(start).collect::<Result<_, _>>().map(Self)
    }

    /// The gradients of `batch`; `local` computes the main device's share.
    ///
    /// # Errors
    /// If a device other than the main one fails. The main device panics, as Burn does.
    pub fn gradients(&mut self, local: Local<'_>, batch: HostBatch) -> Result<BatchGradients, LostReplica> {
        let Local { model, .. } = local;
        if self.0.is_empty() {
            return Ok(local.gradients(batch));
        }
        let (own_share, shares) = shares(batch, self.0.len() + 1);
        let busy: Vec<(&mut Worker, HostBatch)> =
            self.0.iter_mut().zip(shares).filter(|(_, share)| share.images > 0).collect();
        let weights = Arc::new(weights(model));
        let mut working = Vec::with_capacity(busy.len());
        for (worker, share) in busy {
            // With running statistics of its own: a clone would share the model's, and move them to the other device.
            let model = model.valid().train();
            let sent = worker.jobs.send(Job { model, weights: weights.clone(), share });
            working.push((worker, sent));
        }
        let BatchGradients { gradients: own, mut loss } = local.gradients(own_share);
        let mut others = Vec::with_capacity(working.len());
        for (worker, sent) in working {
            let answer = sent.ok().and_then(|()| worker.answers.recv().ok()).ok_or_else(|| worker.lost())?;
            loss = loss.clone() + Tensor::from_data(answer.loss, &loss.device());
            others.push(answer.gradients.into_iter());
        }
        let mut add = Add { own, others, sum: GradientsParams::new() };
        model.visit(&mut add);
        Ok(BatchGradients { gradients: add.sum, loss })
    }
}

/// A share of a step, for another device.
struct Job {
    /// The main device's network: tells which parameters learn and which are frozen.
    model: Ssd,
    weights: Arc<Vec<TensorData>>,
    share: HostBatch,
}

/// A worker's result, in host memory.
struct Answer {
    /// One per tensor, in visiting order; `None` without a gradient.
    gradients: Vec<Option<TensorData>>,
    loss: TensorData,
}

/// The thread of a device. One per step would have a new stream each time, for which GPU runtimes keep memory.
#[derive(Debug)]
struct Worker {
    device: String,
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Worker {
    fn start(opened: OpenDevice, loss: MultiBox) -> std::io::Result<Self> {
        let (jobs, todo) = channel::<Job>();
        let (done, answers) = channel();
        let name = opened.described();
        let device = opened.device.autodiff();
        let work = move || {
            for Job { model, weights, share } in todo {
                let model = model.map(&mut Receive { weights: weights.iter(), device: &device });
                let answer =
                    HostGradients::of(&model, Local { model: &model, device: &device, loss: &loss }.gradients(share));
                // The receiver is gone: the run has ended.
                if done.send(answer).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name(name.clone()).spawn(work)?;
        Ok(Self { device: name, jobs, answers, thread: Some(thread) })
    }

    /// Why the thread ended early.
    fn lost(&mut self) -> LostReplica {
        let panic = self.thread.take().and_then(|thread| thread.join().err());
        let reason = panic.as_deref().map_or("it was lost before", crate::device::lent::panic_message);
        LostReplica { device: self.device.clone(), reason: reason.into() }
    }
}

/// All numbers of a network, including running statistics, in visiting order.
fn weights(model: &Ssd) -> Vec<TensorData> {
    let mut read = Read(Transaction::default());
    model.valid().visit(&mut read);
    read.0.execute()
}

/// Gathers tensors to read them at once.
struct Read(Transaction);

impl ModuleVisitor for Read {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0 = std::mem::take(&mut self.0).register(param.val());
    }
}

/// Replaces a network's numbers by those of [`weights`], on another device.
struct Receive<'a> {
    weights: std::slice::Iter<'a, TensorData>,
    device: &'a Device,
}

impl ModuleMapper for Receive<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // As many as tensors, since both come from visits of one network.
        let Some(data) = self.weights.next() else { return param };
        param.map(|old| Tensor::from_data(data.clone(), self.device).set_require_grad(old.is_require_grad()))
    }
}

/// Reads gradients into host memory.
struct HostGradients {
    gradients: GradientsParams,
    /// Whether each tensor of the visit has one.
    there: Vec<bool>,
    read: Transaction,
}

impl HostGradients {
    fn of(model: &Ssd, BatchGradients { gradients, loss }: BatchGradients) -> Answer {
        let mut send = Self { gradients, there: Vec::new(), read: Transaction::default() };
        model.visit(&mut send);
        let mut data = send.read.register(loss).execute().into_iter();
        let gradients = send.there.into_iter().map(|there| if there { data.next() } else { None }).collect();
        // The last of those registered.
        let loss = data.next().unwrap_or_else(|| TensorData::from([f32::NAN; 2]));
        Answer { gradients, loss }
    }
}

impl ModuleVisitor for HostGradients {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.gradients.remove::<D>(param.id);
        self.there.push(gradient.is_some());
        if let Some(gradient) = gradient {
            self.read = std::mem::take(&mut self.read).register(gradient);
        }
    }
}

/// Adds the gradients of the other devices to the main one's, always in the same order.
struct Add {
    own: GradientsParams,
    others: Vec<std::vec::IntoIter<Option<TensorData>>>,
    sum: GradientsParams,
}

impl ModuleVisitor for Add {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut sum = self.own.remove::<D>(param.id);
        let device = param.val().device().without_autodiff();
        for data in self.others.iter_mut().filter_map(|other| other.next().flatten()) {
            let gradient = Tensor::from_data(data, &device);
            sum = Some(match sum {
                Some(sum) => sum + gradient,
                None => gradient,
            });
        }
        if let Some(sum) = sum {
            self.sum.register(param.id, sum);
        }
    }
}

#[cfg(test)]
#[path = "replicas_tests.rs"]
mod tests;
