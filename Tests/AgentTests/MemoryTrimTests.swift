import Foundation
import Testing

@testable import Agent

@Suite("Memory is given back")
struct MemoryTrimTests {
    @Test("once, some seconds after the last thing that has happened")
    func times() {
        let start = ContinuousClock.now
        var memory = MemoryTrim()
        var releases = 0
        func done(at seconds: Double) -> Int {
            memory.trimIfDue(at: start + .seconds(seconds)) { releases += 1 }
            return releases
        }
        #expect(memory.due == nil)
        #expect(done(at: 1000) == 0, "nothing has happened yet")
        memory.postpone(at: start)
        #expect(memory.due == start + .seconds(12))
        #expect(done(at: 11.5) == 0)
        memory.postpone(at: start + .seconds(11.5))
        #expect(done(at: 12) == 0, "something has happened since")
        #expect(done(at: 23.5) == 1)
        #expect(memory.due == nil)
        #expect(done(at: 1000) == 1, "nothing has happened since")
        memory.postpone(at: start + .seconds(1000))
        #expect(done(at: 1012) == 2)
    }

    @Test("to the system, also what lies between things that are still needed")
    func given() throws {
        var blocks: [UnsafeMutableRawPointer] = []
        defer { for block in blocks { free(block) } }
        // Smaller than what is a mapping of its own, and together much more than other tests need meanwhile.
        let (size, count) = (16 << 10, 16 << 10)
        for _ in 0..<count {
            let block = try #require(malloc(size))
            memset(block, 1, size)
            blocks.append(block)
        }
        for (number, block) in blocks.enumerated() where number % 64 != 0 { free(block) }
        blocks = blocks.enumerated().filter { $0.offset % 64 == 0 }.map(\.element)
        let before = try anonymousMegabytes()
        var memory = MemoryTrim()
        memory.postpone()
        memory.trimIfDue {}
        let early = try anonymousMegabytes()
        #expect(before - early < 100, "it is too early")
        memory.trimIfDue(at: .now + MemoryTrim.quiet) {}
        let after = try anonymousMegabytes()
        #expect(before - after > 150, "\(before) MB before and \(after) MB after it")
    }

    /// The memory of this process that is no file's, in MiB.
    private func anonymousMegabytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Anonymous:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) >> 10
    }
}
