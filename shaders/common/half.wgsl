enable f16;

// Numbers of feature maps and weights as 16-bit floats: half the memory to move. Sums stay 32 bits wide in every kernel.

alias Stored = f16;
alias Stored4 = vec4<f16>;
