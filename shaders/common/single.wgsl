// Numbers of feature maps and weights as 32-bit floats; the other choice is common/half.wgsl.

alias Stored = f32;
alias Stored4 = vec4<f32>;
