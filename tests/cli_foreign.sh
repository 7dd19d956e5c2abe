#!/bin/sh
# HDF5 files that others have written: nothing that HDF5 fills in is trained on, hostile files are refused at once, attributes
# of netCDF-4 count. Each file is named after what is in it: good-*: trains to the same bits as good.h5; everything else is
# refused with exit code 3 and one message, which has the text in the file TEXTS beside it.
. tests/lib.sh

program=$(realpath "$metazoa")
mkfifo "$dir/pipe"
$PYTHON - "$dir" << 'END' || exit 1
import os, struct, sys, zlib
import h5py, numpy as np

os.chdir(sys.argv[1])
rng = np.random.default_rng(3)
x, y = rng.integers(0, 64, (120, 6)).astype('f4') / 8, rng.integers(0, 3, 120)
texts = open('TEXTS', 'w')

def case(name, text=None):
    if text: texts.write(f'{name}.h5|{text}\n')
    return h5py.File(f'{name}.h5', 'w', libver='latest' if 'virtual' in name else 'earliest')

def put(file, X=x, Y=y, **how):
    if X is not None: file.create_dataset('x', data=X, **how)
    if Y is not None: file['y'] = Y
    return file

put(case('good')).close()
put(case('part0'), x[:80], y[:80]).close()
put(case('part1'), x[80:], y[80:]).close()

# Virtual datasets.
def virtual(name, text, sources, mapped=120):
    with case(name, text) as f:
        layout = h5py.VirtualLayout((120, 6), 'f4')
        for lo, hi, file, data, shape in sources: layout[lo:hi] = h5py.VirtualSource(file, data, shape)[:hi - lo]
        f.create_virtual_dataset('x', layout, fillvalue=0)
        f['y'] = y
first, second = (0, 80, 'part0.h5', 'x', (80, 6)), (80, 120, 'part1.h5', 'x', (40, 6))
virtual('good-virtual', None, [first, second])
virtual('virtual-no-file', 'part9.h5: No such file', [first, (80, 120, 'part9.h5', 'x', (40, 6))])
virtual('virtual-no-data', 'there is no /z in part1.h5', [first, (80, 120, 'part1.h5', 'z', (40, 6))])
with case('virtual-short', 'has not the size') as f:
    layout = h5py.VirtualLayout((120, 6), 'f4')
    layout[:80], layout[80:] = h5py.VirtualSource('part0.h5', 'x', (80, 6)), h5py.VirtualSource('part1.h5', 'x', (90, 6))[50:]
    f.create_virtual_dataset('x', layout); f['y'] = y
with h5py.File('part2.h5', 'w') as f: f['x'] = x[80:110]
virtual('virtual-shorter', 'has not the size', [first, (80, 120, 'part2.h5', 'x', (40, 6))])
virtual('virtual-unmapped', 'some of its elements have no source', [first])
virtual('virtual-pipe', 'pipe: expected a regular file, found a pipe', [first, (80, 120, 'pipe', 'x', (40, 6))])
with h5py.File('empty.h5', 'w') as f: f.create_dataset('x', (40, 6), 'f4')
virtual('virtual-numbered', 'numbered and unlimited sources', [first, (80, 120, 'part%%.h5', 'x', (40, 6))])
virtual('virtual-numbered-set', 'numbered and unlimited sources', [first, (80, 120, 'part1.h5', 'x%%', (40, 6))])
virtual('virtual-empty', 'not all of it was ever written', [first, (80, 120, 'empty.h5', 'x', (40, 6))])
virtual('virtual-of-virtual', 'part9.h5: No such file', [first, (80, 120, 'virtual-no-file.h5', 'x', (120, 6))])
virtual('virtual-of-virtual-of-virtual-of-virtual-datasets', 'part9.h5: No such file', [first, (80, 120, 'virtual-of-virtual.h5', 'x', (120, 6))])
virtual('virtual-deep', 'part9.h5: No such file', [first, (80, 120, 'virtual-of-virtual-of-virtual-of-virtual-datasets.h5', 'x', (120, 6))])
# What the sources say of their elements, the virtual dataset says as well: its reader sees the elements alone.
for i, (name, how, said) in enumerate([('packed', {}, {'scale_factor': .5}), ('missing', {}, {'_FillValue': np.float32(-9)}),
                                       ('fill', {'fillvalue': -9}, {})]):
    with h5py.File(f'source{i}.h5', 'w') as f: f.create_dataset('x', data=x[80:], **how).attrs.update(said)
    virtual(f'virtual-{name}', 'that the virtual dataset has not', [first, (80, 120, f'source{i}.h5', 'x', (40, 6))])
virtual('good-virtual-missing', None, [first, (80, 120, 'source1.h5', 'x', (40, 6))])
with h5py.File('good-virtual-missing.h5', 'a') as f: f['x'].attrs['_FillValue'] = np.float32(-9)
with h5py.File('quarters.h5', 'w') as f: f['x'] = x * 4; f['x'].attrs['scale_factor'] = np.float32(.25)
with case('good-virtual-wide') as f:
    layout = h5py.VirtualLayout((120, 6), 'f8'); layout[...] = h5py.VirtualSource('quarters.h5', 'x', (120, 6))
    f.create_virtual_dataset('x', layout); f['x'].attrs['scale_factor'] = .25; f['y'] = y
with h5py.File('words.h5', 'w') as f: f['x'] = np.full((40, 6), b'1')
virtual('virtual-words', 'has values that do not fit', [first, (80, 120, 'words.h5', 'x', (40, 6))])
with h5py.File('wide.h5', 'w') as f: f['y'] = y + 256
with case('virtual-clipped', 'has values that do not fit') as f:
    layout = h5py.VirtualLayout((120,), 'u1'); layout[...] = h5py.VirtualSource('wide.h5', 'y', (120,))
    f['x'] = x; f.create_virtual_dataset('y', layout)
# In the same file, and of virtual ones: of four, not of more.
with case('good-virtual-here') as f:
    layout = h5py.VirtualLayout((120, 6), 'f4'); layout[...] = h5py.VirtualSource('.', 'held', (120, 6))
    f['held'] = x; f.create_virtual_dataset('x', layout); f['y'] = y
deep = 'good'
for i in range(6):
    name = 'good-virtual-deep' if i == 3 else 'virtual-deeper' if i == 5 else f'deep{i}'
    with h5py.File(f'{name}.h5', 'w', libver='latest') as f:
        layout = h5py.VirtualLayout((120, 6), 'f4'); layout[...] = h5py.VirtualSource(f'{deep}.h5', 'x', (120, 6))
        f.create_virtual_dataset('x', layout); f['y'] = y
    deep = name
texts.write('virtual-deeper.h5|in deep0.h5 cannot be taken: is virtual, and its sources are, and theirs: more than 4 times\n')
# Of many files; HDF5 opens all at a time. Another file has them where few may be open.
for i in range(120):
    with h5py.File(f'row{i}.h5', 'w') as f: f['x'] = x[i:i + 1]
virtual('good-virtual-many', None, [(i, i + 1, f'row{i}.h5', 'x', (1, 6)) for i in range(120)])

# Raw data in other files.
x.tofile('raw')
def external(name, text, parts):
    with case(name, text) as f:
        f.create_dataset('x', (120, 6), 'f4', external=[(os.path.abspath(p), o, n) for p, o, n in parts])
        f['y'] = y
external('good-raw', None, [('raw', 0, x.nbytes)])
open('good', 'w').close()
external('raw-missing', 'No such file', [('raw', 0, x.nbytes // 2), ('none', 0, x.nbytes // 2)])
os.remove('none') if os.path.exists('none') else None
external('raw-short', 'should hold', [('raw', 100, x.nbytes)])
external('raw-pipe', 'found a pipe', [('pipe', 0, x.nbytes)])

# Never written: as a whole, in part.
with case('never', 'ever written') as f: f.create_dataset('x', (120, 6), 'f4'); f['y'] = y
with case('never-y', '/y: integer64 [120]: not all of it was ever written') as f: f['x'] = x; f.create_dataset('y', (120,), 'i8')
for k, packed in ((1, None), (2, 'gzip')):
    with case(f'chunk-missing-{k}', 'the chunk that begins at row 60, column 0 is missing') as f:
        d = f.create_dataset('x', (120, 6), 'f4', chunks=(20, 6), compression=packed); d[:60] = x[:60]; d[80:] = x[80:]; f['y'] = y
with case('row-of-fill', 'sample 110 was never written') as f:
    d = f.create_dataset('x', (120, 6), 'f4', chunks=(120, 6), fillvalue=-1); d[:110] = x[:110]; f['y'] = y
# Also where an attribute names another fill value.
for name, of_x, of_y in (('x', {'fillvalue': 7}, {}), ('y', {}, {'fillvalue': 1})):
    with case(f'row-of-fill-beside-attribute-{name}', 'was never written: it is nothing but') as f:
        for n, data, how in ('x', x, of_x), ('y', y.astype('i8'), of_y):
            d = f.create_dataset(n, data.shape, data.dtype, chunks=data.shape, **how); d[:110 if how else 120] = data[:110 if how else 120]
            d.attrs['_FillValue'] = data.dtype.type(-999)
with case('grown', 'is missing') as f:
    put(f, x[:100], y, chunks=(20, 6), maxshape=(None, 6)); f['x'].resize((120, 6))

# What is no array of numbers; and a file that its writer did not close.
put(case('bool', '/y: expected integers [samples], classes, or floats [samples, outputs], values; found an enumeration'), Y=y > 0).close()
put(case('complex', 'found a compound type, such as complex numbers [120, 6]'), x.astype('c8')).close()
with h5py.File('writing.h5', 'w', libver='latest') as f: put(f).flush(); open('left.h5', 'wb').write(open('writing.h5', 'rb').read())
texts.write('left.h5|a program writes it, or died while it did: wait for it, or h5clear -s FILE\n')

# Links.
with case('good-links') as f:
    f['x'] = h5py.ExternalLink('good.h5', '/x'); f['data/y'] = y; f['y'] = h5py.SoftLink('/data/y')
with case('link-pipe', 'pipe: expected a regular file, found a pipe') as f: f['x'] = h5py.ExternalLink('pipe', '/x'); f['y'] = y
with case('link-missing', 'away.h5: No such file') as f: f['x'] = h5py.ExternalLink('away.h5', '/x'); f['y'] = y
with case('link-nowhere', 'there is no /away') as f: f['x'] = h5py.SoftLink('/away'); f['y'] = y
with case('link-circle', 'links in a row') as f: f['x'] = h5py.SoftLink('/a'); f['a'] = h5py.SoftLink('/x'); f['y'] = y

# Filters.
put(case('lzf', 'is packed by the filter lzf (number 32000)'), compression='lzf').close()
put(case('lzf-y', '/y: integer64 [120]: is packed by the filter lzf'), Y=None).create_dataset('y', data=y, compression='lzf')
put(case('good-gzip'), compression='gzip', shuffle=True, fletcher32=True).close()
put(case('good-scaleoffset'), chunks=(7, 5), scaleoffset=4).close()

# A filter that only its number tells, and none that is known. What is so small that it lies beside its description.
def low(name, text, change):
    with case(name, text) as f:
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        change(how)
        h5py.h5d.create(f.id, b'x', h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(x.shape), how)
        f['x'][...] = x; f['y'] = y
def filtered(number):
    def change(how): how.set_chunk((120, 6)); how.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
    return change
low('filter-number', 'is packed by the filter lz4 (number 32004)', filtered(32004))
low('filter-unknown', 'is packed by the filter unknown (number 40000)', filtered(40000))
# In an order that is not usual, whole and cut; and twice, whose chunks may be cut without a trace.
def packed(*filters):
    def change(how):
        how.set_chunk((120, 6))
        for k in filters: how.set_deflate(4) if k == 'deflate' else how.set_shuffle()
    return change
low('good-deflate-shuffle', None, packed('deflate', 'shuffle'))
low('deflate-shuffle-cut', 'is damaged: it has not the length', packed('deflate', 'shuffle'))
with h5py.File('deflate-shuffle-cut.h5', 'a') as f:
    data = zlib.compress(x[:60].tobytes()); whole = len(data) // 4 * 4
    f['x'].id.write_direct_chunk((0, 0), bytes(data[i + k] for k in range(4) for i in range(0, whole, 4)) + data[whole:])
low('deflate-twice', 'is packed by the filter deflate more than once: repack it (h5repack -f GZIP=4 IN OUT)', packed('deflate', 'deflate'))
low('good-compact', None, lambda how: how.set_layout(h5py.h5d.COMPACT))

# Packed data that are cut, or unpack to much more than the file says or than anybody means.
with case('cut', 'is damaged') as f:
    d = put(f, chunks=(120, 6), compression='gzip')['x']
    d.id.write_direct_chunk((0, 0), zlib.compress(x.tobytes())[:-40])
with case('bomb-chunk', 'is damaged') as f:
    d = put(f, chunks=(120, 6), compression='gzip')['x']
    d.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 28)))
with case('bomb', 'more than 256 times') as f:
    d = f.create_dataset('x', (120, 1 << 24), 'f4', chunks=(1, 1 << 24), compression='gzip')
    zeros = zlib.compress(bytes(4 << 24))
    for i in range(120): d.id.write_direct_chunk((i, 0), zeros)
    f['y'] = y
with case('great-chunk', 'has chunks of') as f:
    d = f.create_dataset('x', (120, 6), 'f4', chunks=(1 << 20, 300), maxshape=(None, None), compression='gzip')
    d.id.write_direct_chunk((0, 0), zlib.compress(bytes(1000))); f['y'] = y

# netCDF-4's attributes.
def stored(name, text, X=x, netcdf=False, Y=y, **attributes):
    with put(case(name, text), X, Y) as f:
        for k, v in attributes.items(): f['x'].attrs[k] = v
        if netcdf: f.attrs['_NCProperties'] = 'version=2,netcdf=4.9.0,hdf5=1.10.8'
ints = (x * 8).astype('i2')
stored('good-scale', None, x * 4, scale_factor=np.float32(.25))
stored('good-packed', None, ints - 5, scale_factor=np.float64(.125), add_offset=np.float64(.625))
stored('good-unsigned', None, (x * 8 + 150).astype('u1').view('i1'), _Unsigned='true', scale_factor=np.float32(.125), add_offset=np.float32(-18.75))
stored('good-range', None, valid_min=np.float32(0), valid_max=np.float32(8))
stored('good-fill', None, _FillValue=np.float32(-9))
def hole(value, at=(50, 2), X=x):
    z = X.copy(); z[at] = value; return z
missing = 'sample 50, column 2: the value is missing'
stored('fill', missing, hole(-9), _FillValue=np.float32(-9))
stored('fill-packed', missing, hole(-9, X=ints), _FillValue=np.int16(-9), scale_factor=.5)
stored('missing', missing, hole(-8), missing_value=np.array([-9, -8], 'f4'))
stored('missing-double', missing, hole(1e20), missing_value=1e20)
half = hole(-999.9).astype('f2') # an attribute is rounded as the elements are, and a negative one is an unsigned one's bits
stored('missing-half', missing, half, _FillValue=-999.9)
stored('missing-minus-1', missing, hole(255, X=(x * 8).astype('u1')), _FillValue=-1, scale_factor=.5)
stored('missing-wide', missing, hole(-999.9, X=x.astype('f8')), missing_value=np.float32(-999.9))
stored('missing-nan', missing, hole(np.nan), _FillValue=np.float32('nan'))
stored('range', missing, hole(9), valid_range=np.array([0, 8], 'f4'))
stored('low', missing, hole(-.5), valid_min=0)
stored('high-packed', missing, hole(100, X=ints), valid_max=np.int16(70), scale_factor=.5)
stored('unsigned', missing, hole(255, X=(x * 8).astype('u1')).view('i1'), _Unsigned='true', _FillValue=np.int8(-1), scale_factor=.5)
stored('zero', 'attribute scale_factor is not what it must be', scale_factor=0.0)
stored('text', 'attribute scale_factor is not what it must be', scale_factor='2')
stored('no-scale', 'found integer16 [120, 6] without scale_factor', ints)
# Subnormal numbers are numbers here, also where the program's arithmetic takes them for zero; an infinite fill value is one.
stored('good-subnormal', None, np.ldexp(x, -127), scale_factor=2.0**127)
stored('good-subnormal-double', None, np.ldexp(x.astype('f8'), -1023), scale_factor=2.0**1023)
stored('good-subnormal-half', None, np.ldexp(x, -20).astype('f2'), scale_factor=2.0**20)
stored('good-subnormal-fill', None, _FillValue=np.float32(1e-40))
stored('good-infinite-fill', None, _FillValue=np.float32('inf'))
for name, type, value, how in [('fill', 'f4', 1e-40, dict(_FillValue=1e-40)), ('double', 'f8', 1e-310, dict(missing_value=1e-310)),
                               ('half', 'f2', 1e-6, dict(_FillValue=1e-6)), ('low', 'f4', -1e-40, dict(valid_min=0)),
                               ('low-double', 'f8', -1e-310, dict(valid_range=[0., 8.]))]:
    stored(f'subnormal-{name}', missing, hole(value, X=x.astype(type)), **how)
with case('default-fill', missing) as f:
    f.create_dataset('x', data=hole(9.969209968386869e36), fillvalue=np.float32(9.969209968386869e36)); f['y'] = y
    f.attrs['_NCProperties'] = 'version=2'
with case('type-fill', missing) as f: # h5netcdf writes no fill value into the dataset
    f['x'] = hole(9.969209968386869e36); f['y'] = y; f.attrs['_NCProperties'] = 'version=2'
with case('type-fill-packed', missing) as f:
    f['x'] = hole(-32767, X=ints); f['x'].attrs['scale_factor'] = .125; f['y'] = y; f.attrs['_NCProperties'] = 'version=2'
with case('type-fill-old', missing) as f: # netCDF before 4.4.1 has no _NCProperties
    f['x'] = hole(-32767, X=ints); f['x'].attrs.update(scale_factor=.125, _Netcdf4Coordinates=[0, 1]); f['y'] = y
with case('labels-never', '/y: sample 100 was never written') as f:
    f['x'] = x; d = f.create_dataset('y', (120,), 'u1', chunks=(120,), fillvalue=255); d[:100] = y[:100]
with case('labels', '/y: sample 7, column 0: the value is missing (65535') as f:
    f['x'] = x; labels = y.astype('u2'); labels[7] = 65535
    f.create_dataset('y', data=labels, fillvalue=65535); f.attrs['_NCProperties'] = 'version=2'
for type, value in dict(u2=65535, i4=-2147483647, i8=-9223372036854775806).items():
    stored(f'type-fill-{type}', missing, hole(value, X=ints.astype(type)), netcdf=True, scale_factor=.125)
with case('link-to-netcdf', missing) as f: f['x'] = h5py.ExternalLink('type-fill-i4.h5', '/x'); f['y'] = y
# Numbers that float32 does not hold.
put(case('too-large', 'sample 50, column 2: expected a finite float32, found 1e+300'), hole(1e300, X=x.astype('f8'))).close()
with put(case('too-large-scaled', 'sample 50, column 2: expected a finite float32, found 1e+45'), hole(1e30, X=x.astype('f8'))) as f:
    f['x'].attrs['scale_factor'] = 1e15
labels = y.astype('u8'); labels[7] = 2**63 + 5
put(case('great-label', '/y: sample 7: expected a class, found 9223372036854775813'), Y=labels).close()
tiny = np.where(x == 0, 1e-40, x.astype('f8'))
put(case('good-tiny-double'), tiny).close()
put(case('good-tiny'), tiny.astype('f4')).close()
put(case('good-tiny-more'), np.where(x == 0, 1e-300, x.astype('f8'))).close()
open('tiny', 'w').write(str((x == 0).sum()))
open('classic.h5', 'wb').write(b'CDF\1' + bytes(100)); texts.write('classic.h5|nccopy -k nc4\n')
END

cat > "$dir/t.yaml" << 'END'
task: {kind: hdf5, noise: 0.0, size: original}
organism: {hidden: [3]}
training: {epochs: 2, batch: 50, self_train_steps: 2}
archive: {trajectory_every: 0}
checkpoint: {every: 0}
END

limit= # of what train runs
# train RANKS FILE: the exit code; fingerprint of the run in $print.
train()
{
    rm -rf "$dir/run"
    start=$limit
    [ "$1" -eq 1 ] || start="mpirun -n $1"
    (cd "$dir" && timeout 60 $start "$program" train t.yaml --progress none --output run --set task.path="$2" > out 2> err < /dev/null)
    code=$?
    print=$(tail -n 1 "$dir/run/metrics.csv" 2> /dev/null | tr , '\n' | grep -xE '[0-9a-f]{16}')
    return $code
}

train 1 good.h5 || { fail "good.h5: $(cat "$dir/err")"; exit 1; }
good=$print
for file in "$dir"/good-*.h5; do
    file=${file##*/}
    train 3 "$file" || fail "$file: exit code $code: $(cat "$dir/err")"
    [ "$print" = "$good" ] || fail "$file: fingerprint $print, not $good"
    text=$(grep -o '[0-9]* values or more are below 1.18e-38' "$dir/out")
    case $file in
    good-tiny*) [ "${text%% *}" = "$(cat "$dir/tiny")" ] || fail "$file: small values: $(cat "$dir/out")" ;;
    *) [ -z "$text" ] || fail "$file: $text" ;;
    esac
done
while IFS='|' read -r file text; do
    train 1 "$file"
    [ $code -eq 3 ] || fail "$file: exit code $code: $(cat "$dir/err")"
    [ "$(grep -c '^metazoa: ' "$dir/err")" -eq 1 ] || fail "$file: not one message: $(cat "$dir/err")"
    grep -qF "$text" "$dir/err" || fail "$file: \"$(cat "$dir/err")\" has not \"$text\""
    grep -q 'plugins\|crashes' "$dir/err" && fail "$file: $(cat "$dir/err")"
done < "$dir/TEXTS"
while read -r variable file; do
    limit="env $variable=elsewhere"
    train 1 "$file"
    { [ $code -eq 3 ] && grep -q "$variable is set: unset it" "$dir/err"; } || fail "$variable: $code: $(cat "$dir/err")"
done << 'END'
HDF5_VDS_PREFIX good-virtual.h5
HDF5_EXTFILE_PREFIX good-raw.h5
END
limit='prlimit --nofile=100:100'
train 1 good-virtual-many.h5
{ [ $code -eq 3 ] && grep -q '120 sources' "$dir/err"; } || fail "120 sources where 100 files may be open: $code: $(cat "$dir/err")"
limit='prlimit --nofile=100:'
train 1 good-virtual-many.h5 || fail "120 sources where 100 files may be open at first: $(cat "$dir/err")"
limit=
[ "$(wc -l < "$dir/TEXTS")" -gt 45 ] || fail "cases are missing"
exit $failed
