//! Times the convolutions and poolings of SSD's trunk, VGG16 at 300 pixels, for detection on the CPU:
//!
//! ```sh
//! RAYON_NUM_THREADS=2 cargo run --release --package ssd-cpu --example detection
//! ```
//!
//! GFLOP/s are those of the definition, tap by tap: Winograd's way does with a quarter of the multiplications, so a
//! layer that takes it may show more than the processor's peak.

use std::time::Instant;

use ssd_cpu::{Activation, Buffers, ConvShape, Convolution, Map, Padding, Pool, together};

const SIZE: usize = 300;
const ROUNDS: usize = 15;

enum Layer {
    Convolution(Box<Convolution>),
    Pool(Pool),
}

/// Output channels of the 3x3 convolutions, and the poolings between them.
const TRUNK: [Option<usize>; 17] = [
    Some(64),
    Some(64),
    None,
    Some(128),
    Some(128),
    None,
    Some(256),
    Some(256),
    Some(256),
    None,
    Some(512),
    Some(512),
    Some(512),
    None,
    Some(512),
    Some(512),
    Some(512),
];

/// Numbers between -1 and 1, the same in every run.
fn numbers(length: usize) -> Vec<f32> {
    let mixed = |i: u32| (i.wrapping_mul(0x85eb_ca6b) ^ (i >> 7)).wrapping_mul(0xc2b2_ae35) >> 8;
    (0..length as u32).map(|i| mixed(i) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn convolution(shape: ConvShape) -> Result<Layer, Box<dyn std::error::Error>> {
    let shape = ConvShape { activation: Activation::Relu, ..shape };
    // As large as keeps the numbers of a map from layer to layer.
    let scale = (6.0 / (shape.channels_in * shape.taps()) as f32).sqrt();
    let weights: Vec<f32> = numbers(shape.weights()).iter().map(|number| number * scale).collect();
    Ok(Layer::Convolution(Box::new(Convolution::new(shape, &weights, &vec![0.0; shape.channels_out])?)))
}

fn trunk() -> Result<Vec<Layer>, Box<dyn std::error::Error>> {
    let (mut layers, mut channels) = (Vec::new(), 3);
    for step in TRUNK {
        match step {
            Some(output) => {
                layers.push(convolution(ConvShape::dense(channels, output, 3))?);
                channels = output;
            }
            // The one before conv4 rounds up.
            None => {
                let after = if channels == 256 { 1 } else { 0 };
                let padding = Padding { before: [0; 2], after: [after; 2] };
                layers.push(Layer::Pool(Pool { kernel: 2, stride: 2, padding }));
            }
        }
    }
    layers.push(Layer::Pool(Pool { kernel: 3, stride: 1, padding: Padding::even(1) }));
    let fc6 = ConvShape { dilation: 6, padding: Padding::even(6), ..ConvShape::dense(512, 1024, 3) };
    layers.push(convolution(fc6)?);
    layers.push(convolution(ConvShape::dense(1024, 1024, 1))?);
    Ok(layers)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let layers = trunk()?;
    let pictures = numbers(3 * SIZE * SIZE);
    let buffers = Buffers::default();
    let mut times = vec![Vec::new(); layers.len()];
    let mut inputs = vec![[0; 2]; layers.len()];
    for _ in 0..ROUNDS {
        let picture = Map::from_planes([1, 3, SIZE, SIZE], &pictures, &buffers).ok_or("not a picture")?;
        together(|| {
            let mut map = picture;
            for (i, layer) in layers.iter().enumerate() {
                let [.., height, width] = map.dims();
                inputs[i] = [height, width];
                let start = Instant::now();
                map = match layer {
                    Layer::Convolution(convolution) => convolution.run(&map)?,
                    Layer::Pool(pool) => map.max_pool(pool),
                };
                times[i].push(start.elapsed().as_secs_f64() * 1e3);
            }
            Ok::<_, ssd_cpu::ConvolutionError>(())
        })?;
    }

    let (mut all, mut operations) = (0.0, 0.0);
    for ((layer, times), size) in layers.iter().zip(&mut times).zip(inputs) {
        times.sort_by(f64::total_cmp);
        let median = times[ROUNDS / 2];
        all += median;
        let Layer::Convolution(convolution) = layer else {
            println!("pooling of {} x {}: {median:.2} ms", size[0], size[1]);
            continue;
        };
        let shape = convolution.shape();
        let of_layer = 2e-6 * shape.multiply_adds(size) as f64;
        operations += of_layer;
        let (input, output, taps) = (shape.channels_in, shape.channels_out, shape.kernel);
        println!(
            "{input} to {output} channels, {taps}x{taps}, {} x {}: {median:.2} ms, {:.0} GFLOP/s",
            size[0],
            size[1],
            of_layer / median
        );
    }
    println!("medians of {ROUNDS}, together {all:.1} ms, {:.0} GFLOP/s", operations / all);
    Ok(())
}
