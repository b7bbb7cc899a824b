// An output-stationary array of multiply-accumulate elements, and a bench that
// feeds it. Written from the textbook picture of such an array (Kung, Why systolic
// architectures?, Computer 1982), not from the simulator it checks.
//
// The bench reads +m= +n= +k= +rows= +columns= and the operands from hexadecimal
// files +a= (m x k) and +b= (k x n), 32-bit words, row by row. It uses the corner
// of the array with that many rows and columns, runs fold after fold, and prints
// the clock edges it took from the first operand to the last product of the last
// element, then the results row by row.

module element (
    input wire clock,
    input wire signed [31:0] a_in,
    input wire signed [31:0] b_in,
    input wire valid_in,
    input wire last_in,
    output reg signed [31:0] a_out,
    output reg signed [31:0] b_out,
    output reg valid_out,
    output reg last_out,
    output reg signed [31:0] result,
    output reg finished
);
    reg signed [31:0] sum;
    wire signed [31:0] next = sum + a_in * b_in;
    initial begin
        sum = 0;
        valid_out = 0;
        last_out = 0;
        finished = 0;
    end
    always @(posedge clock) begin
        a_out <= a_in;
        b_out <= b_in;
        valid_out <= valid_in;
        last_out <= last_in;
        finished <= valid_in && last_in;
        if (valid_in) begin
            sum <= last_in ? 0 : next;
            if (last_in) result <= next;
        end
    end
endmodule

module bench;
    localparam SIZE = 8;
    reg clock = 0;
    // Between neighbours: [row][column], the left and upper edges at 0.
    wire signed [31:0] a [0:SIZE-1][0:SIZE];
    wire signed [31:0] b [0:SIZE][0:SIZE-1];
    wire valid [0:SIZE-1][0:SIZE];
    wire last [0:SIZE-1][0:SIZE];
    wire signed [31:0] result [0:SIZE-1][0:SIZE-1];
    wire finished [0:SIZE-1][0:SIZE-1];
    reg signed [31:0] a_edge [0:SIZE-1];
    reg signed [31:0] b_edge [0:SIZE-1];
    reg valid_edge [0:SIZE-1];
    reg last_edge [0:SIZE-1];

    genvar r, c;
    generate
        for (r = 0; r < SIZE; r = r + 1) begin : row
            assign a[r][0] = a_edge[r];
            assign valid[r][0] = valid_edge[r];
            assign last[r][0] = last_edge[r];
            assign b[0][r] = b_edge[r];
            for (c = 0; c < SIZE; c = c + 1) begin : column
                element e (
                    clock, a[r][c], b[r][c], valid[r][c], last[r][c],
                    a[r][c+1], b[r+1][c], valid[r][c+1], last[r][c+1],
                    result[r][c], finished[r][c]);
            end
        end
    endgenerate

    reg [31:0] a_memory [0:65535];
    reg [31:0] b_memory [0:65535];
    reg [31:0] c_memory [0:65535];
    reg [8*256-1:0] file;
    integer m, n, k, rows, columns;
    integer m0, n0, i, j, t, edges;

    // Lane `lane` of an edge sees position t - lane of the stream.
    task drive(input integer at);
        for (i = 0; i < SIZE; i = i + 1) begin
            valid_edge[i] = at >= i && at - i < k && i < rows;
            last_edge[i] = at - i == k - 1;
            a_edge[i] = valid_edge[i] && m0 + i < m
                ? a_memory[(m0 + i) * k + at - i] : 0;
            b_edge[i] = at >= i && at - i < k && n0 + i < n
                ? b_memory[(at - i) * n + n0 + i] : 0;
        end
    endtask

    task keep_results;
        for (i = 0; i < rows; i = i + 1)
            for (j = 0; j < columns; j = j + 1)
                if (m0 + i < m && n0 + j < n)
                    c_memory[(m0 + i) * n + n0 + j] = result[i][j];
    endtask

    task print_results;
        begin
            $display("cycles %0d", edges);
            for (i = 0; i < m * n; i = i + 1)
                $display("%0d", $signed(c_memory[i]));
        end
    endtask

    initial begin
        if (!$value$plusargs("m=%d", m) || !$value$plusargs("n=%d", n) ||
            !$value$plusargs("k=%d", k) || !$value$plusargs("rows=%d", rows) ||
            !$value$plusargs("columns=%d", columns)) $fatal(1, "sizes");
        if (!$value$plusargs("a=%s", file)) $fatal(1, "+a=");
        $readmemh(file, a_memory);
        if (!$value$plusargs("b=%s", file)) $fatal(1, "+b=");
        $readmemh(file, b_memory);
        edges = 0;
        t = 0;
        m0 = 0;
        n0 = 0;
        drive(0);
    end

    always #1 clock = ~clock;
    always @(posedge clock) edges = edges + 1;

    // Between two rising edges: the next operands, or the next fold.
    always @(negedge clock) begin
        t = t + 1;
        if (finished[rows-1][columns-1]) begin
            keep_results;
            t = 0;
            n0 = n0 + columns;
            if (n0 >= n) begin
                n0 = 0;
                m0 = m0 + rows;
            end
            if (m0 >= m) begin
                print_results;
                $finish;
            end
        end
        drive(t);
    end
endmodule
