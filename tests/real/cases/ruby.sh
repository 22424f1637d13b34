# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what a case says of itself is for ../table.sh
# Ruby: an HTTP server of its own on TCPServer with a thread a client, Net::HTTP, datagrams, Unix sockets, children. Refused: the
# server's address.
program='Ruby, TCPServer and Net::HTTP'
needs='ruby:ruby'
version() { ruby --version; }
setup() {
    cat >all.rb <<'END_OF_FILE'
require 'net/http'
require 'open3'
require 'socket'
server = TCPServer.new('::', 8000)
Thread.new do
  loop do
    Thread.new(server.accept) do |client|
      line = client.gets
      nil until client.gets.strip.empty?
      client.write "HTTP/1.0 200 OK\r\nContent-Length: #{line.size}\r\n\r\n#{line}"
      client.close
    end
  end
end
%w[127.0.0.1 ::1 localhost].each { |host| puts "#{host} #{Net::HTTP.start(host, 8000) { |http| http.get('/').body }}" }
puts Array.new(20) { Thread.new { Net::HTTP.get(URI('http://127.0.0.1:8000/many')) } }.map(&:value).uniq
begin
  TCPSocket.new('127.0.0.1', 8009)
rescue SystemCallError => e
  puts e.message
end
to = UDPSocket.new
to.bind('127.0.0.1', 0)
UDPSocket.new.send('datagram', 0, '127.0.0.1', to.addr[1])
puts to.wait_readable && to.recvfrom(20).first
one, two = UNIXSocket.pair
two.send_io($stdout)
one.recv_io.puts 'passed'
puts `echo shell`, system('exit 3').inspect, Open3.capture2e('cat', stdin_data: 'cat').first
puts fork { exit 5 }.then { |pid| Process.wait2(pid)[1].exitstatus }
puts IO.select([to], nil, nil, 0.01).inspect
END_OF_FILE
}
run() { ruby all.rb; }
shows='^127.0.0.1 GET / HTTP/1.1'
refusing='deny_to = [ "127.0.0.1:8000/tcp" ];'
refused_status=1
refused_shows='Failed to open TCP connection to 127.0.0.1:8000 \(Permission denied'
