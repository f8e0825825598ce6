//! Temporary timing.
use std::time::Instant;
use burn::tensor::{Device, Distribution, Tensor, ops::ConvOptions, module::conv2d};
use ssd_cpu::Activation;


/// CPU milliseconds of all threads since the start.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) * 10.0
}

fn time(name: &str, inputs: &[Tensor<4>], f: &dyn Fn(&[Tensor<4>]) -> Tensor<4>) {
    let only = std::env::args().nth(2).unwrap_or_default();
    if !name.contains(&only) && !name.starts_with(' ') { return; }
    let n = 12;
    let (mut forward, mut loss_only, mut backward) = (0.0, 0.0, 0.0);
    let (mut wf, mut wb) = (f64::MAX, f64::MAX);
    for i in 0..n + 1 {
        let leaves: Vec<_> = inputs.iter().map(|t| t.clone().detach().require_grad()).collect();
        let (t, w) = (cpu(), Instant::now());
        let y = f(&leaves);
        let (a, wa) = (cpu() - t, w.elapsed().as_secs_f64() * 1e3);
        let g = Tensor::<4>::ones(y.dims(), &y.device());
        let leaf = y.clone().detach().require_grad();
        let loss = (leaf * g.clone()).sum();
        let t = cpu();
        std::hint::black_box(loss.backward());
        let b = cpu() - t;
        let loss = (y * g).sum();
        let (t, w) = (cpu(), Instant::now());
        let grads = loss.backward();
        std::hint::black_box(leaves[0].grad(&grads));
        let (c, wc) = (cpu() - t, w.elapsed().as_secs_f64() * 1e3);
        if i > 0 { forward += a; loss_only += b; backward += c; wf = wf.min(wa); wb = wb.min(wc); }
    }
    let n = n as f64;
    println!("{name:22} cpu: forward {:7.1} backward {:7.1} (loss {:6.1})  wall min {:7.1} {:7.1}", forward / n, (backward - loss_only) / n, loss_only / n, wf, wb);
}

fn main() {
    let device = Device::flex().autodiff();
    let r = |s: [usize; 4]| Tensor::<4>::random(s, Distribution::Normal(0.0, 1.0), &device);
    let burns = std::env::args().any(|a| a == "burn");
    for (c, s, stride, b) in [(96, 150, 2, 8), (144, 75, 1, 4), (144,75,2,4), (576, 19, 1, 8), (960,10,1,8)] {
        let inputs = [r([b, c, s, s]), r([c, 1, 3, 3])];
        time(&format!("dw {c}@{s} s{stride} b{b}"), &inputs, &|i| ssd_cpu::depthwise_conv3x3(i[0].clone(), i[1].clone(), stride));
        if burns { time("  burn", &inputs, &|i| conv2d(i[0].clone(), i[1].clone(), None, ConvOptions::new([stride; 2], [1, 1], [1, 1], c))); }
    }
    for (c, s, b) in [(144, 75, 4), (96, 150, 4), (24, 75, 8)] {
        let inputs = [r([b, c, s, s]), r([1, c, 1, 1]), r([1, c, 1, 1])];
        let act = Activation::Relu6;
        time(&format!("bn+relu6 {c}@{s} b{b}"), &inputs, &|i| ssd_cpu::batch_norm_train(i[0].clone(), i[1].clone().flatten(0, 3), i[2].clone().flatten(0, 3), 1e-5, act).0);
        if burns { time("  burn", &inputs, &|i| {
            let mean = i[0].clone().mean_dims(&[0, 2, 3]);
            let c = i[0].clone() - mean;
            let v = c.clone().square().mean_dims(&[0, 2, 3]);
            (c / (v + 1e-5).sqrt() * i[1].clone() + i[2].clone()).clamp(0.0, 6.0)
        }); }
    }
    for (ci, co, s, b) in [(16, 96, 150, 4), (96, 24, 75, 8), (144, 24, 75, 4), (576, 150, 19, 8), (96,576,19,8), (960, 160, 10, 8)] {
        let inputs = [r([b, ci, s, s]), r([co, ci, 1, 1])];
        time(&format!("pw {ci}->{co}@{s} b{b}"), &inputs, &|i| ssd_cpu::pointwise_conv(i[0].clone(), i[1].clone()));
        if burns { time("  burn", &inputs, &|i| conv2d(i[0].clone(), i[1].clone(), None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1))); }
    }
}
