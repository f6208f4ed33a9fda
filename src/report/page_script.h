/* page_script.h - what a page does beyond showing: sort, filter, unfold.
 *
 * PAGE_SCRIPT_SHA256 is what the page's policy allows to run: after a change
 * tests/cli/16-html.sh says what it has to be.
 */
#ifndef REPORT_PAGE_SCRIPT_H
#define REPORT_PAGE_SCRIPT_H

#define PAGE_SCRIPT_SHA256 "wufW3yk8Ggc9A3pSM8VFDrSVUSU6s2PlQdVUNOWmCBQ="

/* clang-format off */
static const char page_script[] =
    "(function(){'use strict';\n"
    "var table=document.getElementById('queries');\n"
    "if(!table)return;\n"
    "var heads=Array.from(table.tHead.rows[0].cells);\n"

    /* What is folded is taken out until it is unfolded: a page of thousands of
     * queries is then as quick to sort as its rows are. */
    "function Row(body,order){\n"
    " this.body=body;\n"
    " this.order=order;\n"
    " this.details=body.querySelector('details');\n"
    " this.contents=body.querySelector('.query');\n"
    " this.cells=Array.from(body.rows[0].cells).map(function(c){return c.textContent.trim()});\n"
    " this.text=body.querySelector('.name').parentNode.textContent.toLowerCase();\n"
    " this.details.addEventListener('toggle',this.fold.bind(this));\n"
    " this.fold()}\n"
    "Row.prototype.fold=function(){\n"
    " if(this.details.open)this.details.appendChild(this.contents);\n"
    " else this.contents.remove()};\n"
    "var rows=Array.from(table.tBodies).map(function(body,i){return new Row(body,i)});\n"

    /* Numbers in the order wanted, then what is no number. */
    "function compare(column,isText,sign){return function(a,b){\n"
    " var x=a.cells[column],y=b.cells[column],u=parseFloat(x),v=parseFloat(y),d;\n"
    " if(column===0)d=sign*(a.order-b.order);\n"
    " else if(isText)d=sign*x.localeCompare(y);\n"
    " else d=isNaN(u)||isNaN(v)?isNaN(u)-isNaN(v):sign*(u-v);\n"
    " return d||a.order-b.order}}\n"
    "function sort(head,column){\n"
    " var sign=head.getAttribute('aria-sort')==='ascending'?-1:1;\n"
    " heads.forEach(function(h){h.removeAttribute('aria-sort')});\n"
    " head.setAttribute('aria-sort',sign>0?'ascending':'descending');\n"
    " var all=document.createDocumentFragment();\n"
    " rows.slice().sort(compare(column,head.classList.contains('text'),sign))\n"
    "  .forEach(function(row){all.appendChild(row.body)});\n"
    " table.appendChild(all)}\n"
    "if(rows.length>1)heads.forEach(function(head,column){\n"
    " var button=document.createElement('button');\n"
    " button.type='button';\n"
    " while(head.firstChild)button.appendChild(head.firstChild);\n"
    " head.appendChild(button);\n"
    " button.addEventListener('click',function(){sort(head,column)})});\n"

    "var controls=document.getElementById('controls');\n"
    "var find=document.getElementById('find'),set=document.getElementById('set');\n"
    "function filter(){\n"
    " var text=find.value.trim().toLowerCase(),n=0;\n"
    " rows.forEach(function(row){\n"
    "  var isShown=row.text.indexOf(text)>=0&&\n"
    "   (!set||set.selectedIndex===0||row.cells[1]===set.value);\n"
    "  row.body.hidden=!isShown;\n"
    "  n+=isShown});\n"
    " document.getElementById('status').textContent=\n"
    "  n===rows.length?'':n+' of '+rows.length+' queries'}\n"
    "if(controls){\n"
    " controls.hidden=false;\n"
    " controls.addEventListener('submit',function(e){e.preventDefault()});\n"
    " find.addEventListener('input',filter);\n"
    " if(set)set.addEventListener('change',filter);\n"
    " filter()}\n"

    /* The number of a query folds and unfolds it; an address that ends with it
     * unfolds it. */
    "table.addEventListener('click',function(e){\n"
    " var link=e.target.closest('th a');\n"
    " if(!link)return;\n"
    " var details=link.closest('tbody').querySelector('details');\n"
    " e.preventDefault();\n"
    " details.open=!details.open});\n"
    /* Matches that are drawn take the width of the list. By script, as a style with
     * :has() is worked out anew whenever something of a large page moves. */
    "table.addEventListener('toggle',function(e){\n"
    " if(e.target.classList.contains('geo'))\n"
    "  e.target.parentNode.classList.toggle('wide',e.target.open)},true);\n"
    "function follow(){\n"
    " var body=/^#q[0-9]+$/.test(location.hash)&&document.getElementById(location.hash.slice(1));\n"
    " if(!body)return;\n"
    " body.hidden=false;\n"
    " body.querySelector('details').open=true;\n"
    " body.scrollIntoView()}\n"
    "window.addEventListener('hashchange',follow);\n"
    "follow()})();\n";
/* clang-format on */

#endif
