enable f16;

// Numbers of feature maps and weights as 16-bit floats: half the memory traffic. Sums have 32 bits in every kernel.

alias Stored = f16;
alias Stored4 = vec4<f16>;
