// FuseMax's two arrays (MICRO 2024) on one tile of queries and several blocks of keys,
// without interleaving (its "+Architecture"): each column of the 2D array has a query,
// each row a key of the block; the 1D array has a lane for each query. Written from
// the description, not from the simulator it checks: elements are registers and wires,
// instructions and queries go down the rows, keys and values go along a row, partial
// maxima and sums go down a column and are kept beside the 1D array.
//
// Numbers are doubles, so that values can be compared bit by bit. The bench reads
// +rows= +columns= +blocks= +e= +f= and hexadecimal files +q= (columns x e), +k=, +v=
// (keys x e, keys x f), runs, and prints the cycles and the result, f by f.

package ops;
    // 2D: what an element does.
    localparam NONE = 0, QK = 1, LM = 2, SUB = 3, EXP = 4, SLD = 10, SLNV = 11;
    // 1D.
    localparam RM = 1, PSUB = 2, PEXP = 3, SPD = 9, RD = 10, SPNV = 11, RNV = 12,
               AV = 13;

    // Steps 0 to 5 of an exponential; `n` is the exponent, `f` the rest.
    function automatic real horner(input integer at, input real f, input real s);
        case (at)
            1: return 0.00132764726319508761 * f + 0.00967554134312132739;
            2: return s * f + 0.055507132718556442;
            3: return s * f + 0.240221197237107196;
            4: return s * f + 0.693146967065035214;
            default: return s * f + 1.00000007165471414;
        endcase
    endfunction
    function automatic real log2(input real x);
        real y;
        y = x * 1.4426950408889634;
        return y < -2000.0 ? -2000.0 : y;
    endfunction
    function automatic [63:0] scale(input real s, input integer n);
        reg [63:0] bits;
        bits = $realtobits(s);
        bits[62:52] = bits[62:52] + n[10:0];
        return n < -1000 ? 64'd0 : bits;
    endfunction
endpackage

module element (
    input wire clock,
    input wire [3:0] op,
    input wire first,
    input wire [63:0] left,
    input wire [63:0] top,
    input wire [63:0] above,
    output reg [63:0] top_out,
    output reg [63:0] down
);
    import ops::*;
    reg [63:0] score, weight;
    real x, f, s;
    integer n;
    always @(posedge clock) begin
        top_out <= top;
        case (op)
            QK: score <= $realtobits($bitstoreal(left) * $bitstoreal(top)
                + (first ? 0.0 : $bitstoreal(score)));
            LM: down <= $bitstoreal(above) > $bitstoreal(score) ? above : score;
            SUB: x <= $bitstoreal(score) - $bitstoreal(top);
            EXP: begin
                n <= $rtoi($floor(log2(x) + 0.5));
                f <= log2(x) - $floor(log2(x) + 0.5);
            end
            EXP + 1, EXP + 2, EXP + 3, EXP + 4: s <= horner(op - EXP, f, s);
            EXP + 5: weight <= scale(horner(5, f, s), n);
            SLD: down <= $realtobits($bitstoreal(above) + $bitstoreal(weight));
            SLNV: down <= $realtobits($bitstoreal(weight) * $bitstoreal(left)
                + $bitstoreal(above));
            default: ;
        endcase
    end
endmodule

// A lane of the 1D array, and what waits beside it: the links that end here.
module lane (
    input wire clock,
    input wire [3:0] op,
    input wire [7:0] at,
    input wire [3:0] arriving,
    input wire [7:0] arriving_at,
    input wire [63:0] value
);
    import ops::*;
    reg [63:0] lm, rm, former; // as bits: they may be infinite
    real sld, rd, spd, prm, x, f, s;
    real slnv [0:31], spnv [0:31], rnv [0:31], av [0:31];
    integer n, i;
    initial begin
        rm = 64'hfff0000000000000;
        rd = 0.0;
        for (i = 0; i < 32; i = i + 1) rnv[i] = 0.0;
    end
    always @(posedge clock) begin
        case (arriving)
            LM: lm <= value;
            SLD: sld <= $bitstoreal(value);
            SLNV: slnv[arriving_at] <= $bitstoreal(value);
            default: ;
        endcase
        case (op)
            RM: begin
                former <= rm;
                rm <= $bitstoreal(rm) > $bitstoreal(lm) ? rm : lm;
            end
            PSUB: x <= $bitstoreal(former) - $bitstoreal(rm);
            PEXP: begin
                n <= $rtoi($floor(log2(x) + 0.5));
                f <= log2(x) - $floor(log2(x) + 0.5);
            end
            PEXP + 1, PEXP + 2, PEXP + 3, PEXP + 4: s <= horner(op - PEXP, f, s);
            PEXP + 5: prm <= $bitstoreal(scale(horner(5, f, s), n));
            SPD: spd <= rd * prm;
            RD: rd <= sld + spd;
            SPNV: spnv[at] <= rnv[at] * prm;
            RNV: rnv[at] <= slnv[at] + spnv[at];
            AV: av[at] <= rnv[at] / rd;
            default: ;
        endcase
    end
endmodule

module bench;
    import ops::*;
    localparam SIZE = 6;
    reg clock = 0;
    integer rows, columns, blocks, e, f;

    // Instructions on their way down: [row]; the last one arrives at the lanes.
    reg [3:0] op [0:SIZE];
    reg first [0:SIZE];
    reg [7:0] at [0:SIZE];
    reg [15:0] block [0:SIZE];
    wire [63:0] left [0:SIZE-1];
    wire [63:0] top [0:SIZE][0:SIZE-1];
    wire [63:0] down [0:SIZE][0:SIZE-1];
    reg [63:0] top_edge [0:SIZE-1];
    reg [3:0] line_op;
    reg [7:0] line_at;
    // Beside each row lie the keys and values of that row.
    reg [63:0] q_memory [0:4095];
    reg [63:0] k_memory [0:4095];
    reg [63:0] v_memory [0:4095];

    genvar r, c;
    generate
        for (r = 0; r < SIZE; r = r + 1) begin : row
            assign left[r] = op[r] == QK
                ? k_memory[(block[r] * rows + r) * e + at[r]]
                : v_memory[(block[r] * rows + r) * f + at[r]];
            for (c = 0; c < SIZE; c = c + 1) begin : column
                element pe (clock, op[r], first[r], left[r], top[r][c],
                    down[r][c], top[r+1][c], down[r+1][c]);
            end
        end
        for (c = 0; c < SIZE; c = c + 1) begin : line
            assign top[0][c] = top_edge[c];
            assign down[0][c] =
                op[0] == LM ? 64'hfff0000000000000 : 64'h0;
            lane l (clock, line_op, line_at, op[rows], at[rows],
                down[rows][c]);
        end
    endgenerate
    integer i;
    always @(posedge clock)
        for (i = 0; i < SIZE; i = i + 1) begin
            op[i+1] <= op[i];
            first[i+1] <= first[i];
            at[i+1] <= at[i];
            block[i+1] <= block[i];
        end

    // The controllers: both arrays enter a slot together; in it each has so many
    // instructions in order.
    integer step, slot, done_2d, done_1d, cycles;
    integer maxima, sums, products; // blocks whose results have all arrived
    reg is_over;
    integer length_2d, length_1d;
    reg is_waiting;
    // Of the slot: the block that is computed, and the one before, which is added up.
    integer now, last;
    task measure;
        now = step < blocks;
        last = step >= 1 && step - 1 < blocks;
        length_2d = 0;
        is_waiting = 0;
        case (slot)
            0: begin
                length_2d = now * (e + 1);
                length_1d = last + (step - 2 == blocks - 1 ? f : 0);
                is_waiting = last != 0 && done_1d == 0 && sums < step;
            end
            1: begin
                length_1d = now;
                is_waiting = maxima <= step;
            end
            2: begin
                length_2d = now * 8;
                length_1d = now * 8;
            end
            default: begin
                length_2d = now * f;
                length_1d = (now + last) * f;
                is_waiting = last != 0 && done_1d == 0 && products < step;
            end
        endcase
    endtask

    // Lanes are instances: their registers are read by name.
    reg [63:0] running_max [0:SIZE-1];
    reg [63:0] result [0:31][0:SIZE-1];
    genvar g;
    generate
        for (g = 0; g < SIZE; g = g + 1) begin : tap
            integer j;
            always @(*) begin
                running_max[g] = line[g].l.rm;
                for (j = 0; j < 32; j = j + 1)
                    result[j][g] = $realtobits(line[g].l.av[j]);
            end
        end
    endgenerate
    task issue_2d;
        block[0] = step;
        at[0] = 0;
        first[0] = 0;
        case (slot)
            0: begin
                op[0] = done_2d < e ? QK : LM;
                at[0] = done_2d;
                first[0] = done_2d == 0;
            end
            2: op[0] = done_2d < 7 ? SUB + done_2d : SLD;
            default: begin
                op[0] = SLNV;
                at[0] = done_2d;
            end
        endcase
        for (i = 0; i < columns; i = i + 1)
            top_edge[i] = slot == 0 ? q_memory[i * e + at[0]] : running_max[i];
        done_2d = done_2d + 1;
    endtask

    task issue_1d;
        line_at = 0;
        case (slot)
            0: begin
                line_op = last != 0 && done_1d == 0 ? RD : AV;
                line_at = done_1d - last;
            end
            1: line_op = RM;
            2: line_op = done_1d < 7 ? PSUB + done_1d : SPD;
            default: begin
                line_op = last != 0 && done_1d < f ? RNV : SPNV;
                line_at = done_1d % f;
            end
        endcase
        done_1d = done_1d + 1;
    endtask

    integer x, y;
    task print_results;
        $display("cycles %0d", cycles);
        for (x = 0; x < f; x = x + 1)
            for (y = 0; y < columns; y = y + 1)
                $display("%016x", result[x][y]);
    endtask

    reg [8*256-1:0] file;
    initial begin
        if (!$value$plusargs("rows=%d", rows) ||
            !$value$plusargs("columns=%d", columns) ||
            !$value$plusargs("blocks=%d", blocks) ||
            !$value$plusargs("e=%d", e) || !$value$plusargs("f=%d", f))
            $fatal(1, "sizes");
        if (!$value$plusargs("q=%s", file)) $fatal(1, "+q=");
        $readmemh(file, q_memory);
        if (!$value$plusargs("k=%s", file)) $fatal(1, "+k=");
        $readmemh(file, k_memory);
        if (!$value$plusargs("v=%s", file)) $fatal(1, "+v=");
        $readmemh(file, v_memory);
        for (x = 0; x <= SIZE; x = x + 1) op[x] = NONE;
        line_op = NONE;
        step = 0;
        slot = 0;
        done_2d = 0;
        done_1d = 0;
        cycles = 0;
        maxima = 0;
        sums = 0;
        products = 0;
        is_over = 0;
        control;
    end

    // What both arrays do in the coming cycle.
    task control;
        measure;
        while (!is_over && done_2d >= length_2d && done_1d >= length_1d) begin
            done_2d = 0;
            done_1d = 0;
            slot = slot + 1;
            if (slot == 4) begin
                slot = 0;
                step = step + 1;
                is_over = step == blocks + 2;
            end
            measure;
        end
        op[0] = NONE;
        line_op = NONE;
        if (!is_over && done_2d < length_2d) issue_2d;
        if (!is_over && done_1d < length_1d && !is_waiting) issue_1d;
    endtask

    always #1 clock = ~clock;
    // Between two rising edges.
    reg [3:0] arrived;
    reg [7:0] arrived_at;
    always @(posedge clock) begin
        arrived <= op[rows];
        arrived_at <= at[rows];
    end
    always @(negedge clock) begin
        cycles = cycles + 1;
        maxima = maxima + (arrived == LM);
        sums = sums + (arrived == SLD);
        products = products + (arrived == SLNV && arrived_at == f - 1);
        control;
        if (is_over) begin
            print_results;
            $finish;
        end
    end
endmodule
